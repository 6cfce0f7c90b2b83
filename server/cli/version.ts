import { readFile } from 'node:fs/promises';
import { OperatorError } from '#base/operator-error.ts';
import { type Command, parseOptions, write } from './command.ts';

export const version: Command = {
  name: 'version',
  summary: 'Show the version',
  usage: 'op-scim version\n\nShows the version of op-scim. The same is "op-scim --version".',
  async run(args, io) {
    const { positionals } = parseOptions(args, {}, 'op-scim version');
    if (positionals.length > 0) {
      throw new OperatorError('Say "op-scim version", without anything more.');
    }
    await write(io.stdout, `${await packageVersion()}\n`);
    return 0;
  },
};

export async function packageVersion(): Promise<string> {
  const path = new URL('../../package.json', import.meta.url);
  const { version: text } = JSON.parse(await readFile(path, 'utf8')) as { version?: unknown }; // Our own file.
  if (typeof text !== 'string') throw new OperatorError('package.json has no version.');
  return text;
}
