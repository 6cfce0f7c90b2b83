import { OperatorError } from '#base/operator-error.ts';
import { configJson, configText, describeConfig } from '#config/describe.ts';
import { loadConfig } from '#config/load.ts';
import { type Command, parseOptions, write } from './command.ts';

/** `op-scim config`: reads no file, so it also works where the session is not mounted. */
export const config: Command = {
  name: 'config',
  summary: 'Show the settings in force and where each came from',
  usage: `op-scim config [--output text|json]

Shows each OP_* setting with the value in force and where it came from: "set", the other name it was
set by, or "default". Secrets are hidden. Wrong settings are all named, with exit code 2.`,
  async run(args, io) {
    const options = { output: { type: 'string' } } as const;
    const { values, positionals } = parseOptions(args, options, 'op-scim config');
    const output = values.output ?? 'text';
    if (positionals.length > 0 || !['text', 'json'].includes(output)) {
      throw new OperatorError('Say "op-scim config", with --output text or json if you like.');
    }
    const loaded = loadConfig(io.env);
    const settings = describeConfig(loaded);
    await write(io.stdout, output === 'json' ? configJson(settings) : configText(settings));
    for (const warning of loaded.warnings) {
      await write(io.stderr, `${warning}\n`);
    }
    return 0;
  },
};
