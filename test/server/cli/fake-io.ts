import { PassThrough, Writable } from 'node:stream';
import type { CommandIo } from '#cli/command.ts';
import { main } from '#cli/main.ts';

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface FakeIo {
  readonly stdin?: string;
  /** Stdin is a terminal: each line is typed when the question that ends in its key was asked. */
  readonly answers?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdoutBreaks?: boolean;
}

/** Runs `op-scim ARGS` inside this process. */
export async function opScim(args: readonly string[], fake: FakeIo = {}): Promise<Ran> {
  const stdin: PassThrough & { isTTY?: boolean } = new PassThrough();
  const said = { stdout: '', stderr: '' };
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      said.stdout += String(chunk);
      done(fake.stdoutBreaks ? new Error('EPIPE') : null);
    },
  });
  stdout.on('error', () => {});
  const stderr = new Writable({
    write(chunk, _encoding, done) {
      said.stderr += String(chunk);
      for (const [question, answer] of Object.entries(fake.answers ?? {})) {
        if (String(chunk).startsWith(question)) {
          setImmediate(() => stdin.write(`${answer}\r`));
        }
      }
      done();
    },
  });
  if (fake.answers === undefined) {
    stdin.end(fake.stdin ?? '');
  } else {
    stdin.isTTY = true;
  }
  const io: CommandIo = { stdin, stdout, stderr, env: fake.env ?? {} };
  const exitCode = await main(args, io);
  return { exitCode, ...said };
}
