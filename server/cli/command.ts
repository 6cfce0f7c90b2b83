import type { Readable, Writable } from 'node:stream';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { OperatorError } from '#base/operator-error.ts';

/** One word of the command line. Known to `op-scim` through the table in main.ts. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The help text, without a line break at its end. */
  readonly usage: string;
  /** Resolves to the exit code. Throws OperatorError for what the operator can mend. */
  run(args: string[], io: CommandIo): Promise<number>;
}

/** What a command may touch of the process, so that tests can stand in for it. */
export interface CommandIo {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Resolves when the stream took the text: what follows may rely on its having been handed over. */
export function write(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

/** util.parseArgs, whose complaints become an OperatorError that points to the help text. */
export function parseOptions<const T extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: T,
  help: string,
) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (thrown) {
    const code = thrown instanceof TypeError && 'code' in thrown ? String(thrown.code) : '';
    if (!code.startsWith('ERR_PARSE_ARGS_') || !(thrown instanceof Error)) {
      throw thrown;
    }
    // The first sentence names the option; the others advise on writing such programs.
    const complaint = thrown.message.split(/[.\n]/)[0] ?? '';
    throw new OperatorError(`${complaint}. See "${help} --help".`);
  }
}
