import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { OperatorError } from '#base/operator-error.ts';
import type { CommandIo } from './command.ts';

export interface Prompt {
  ask(question: string): Promise<string>;
  /** Shows nothing of what is typed. */
  askSecret(question: string): Promise<string>;
}

/** Asks on a terminal. Questions go to stderr: stdout is for what scripts read. */
export async function withPrompt<T>(
  io: CommandIo,
  work: (prompt: Prompt) => Promise<T>,
): Promise<T> {
  let isHidden = false;
  const output = new Writable({
    write(chunk, _encoding, done) {
      if (isHidden) {
        done();
      } else {
        io.stderr.write(chunk, done);
      }
    },
  });
  const lines = createInterface({ input: io.stdin, output, terminal: true, historySize: 0 });
  const stopped = new AbortController();
  lines.once('close', () => stopped.abort());
  async function question(text: string, hides: boolean): Promise<string> {
    io.stderr.write(text);
    isHidden = hides;
    try {
      return (await lines.question('', { signal: stopped.signal })).trim();
    } catch (thrown) {
      if (stopped.signal.aborted) {
        throw new OperatorError('Stopped before all questions were answered. Nothing was changed.');
      }
      throw thrown;
    } finally {
      if (hides) {
        isHidden = false;
        io.stderr.write('\n');
      }
    }
  }
  try {
    return await work({
      ask: (text) => question(text, false),
      askSecret: (text) => question(text, true),
    });
  } finally {
    lines.close();
  }
}
