import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { OperatorError } from '#base/operator-error.ts';
import type { CommandIo } from './command.ts';

export interface Question {
  /** Under which the answer is returned. */
  readonly name: string;
  readonly text: string;
  /** Nothing of what is typed is shown. */
  readonly isSecret: boolean;
}

/**
 * Asks on a terminal, one question after the other, each answered by a line. Questions go to stderr:
 * stdout is for what scripts read. Throws OperatorError when the input ends before the last answer.
 */
export function askAll(
  io: CommandIo,
  questions: readonly Question[],
): Promise<Readonly<Record<string, string>>> {
  const answers: Record<string, string> = {};
  const waiting = [...questions];
  const output = new Writable({
    write(chunk, _encoding, done) {
      // At once, or the echo of one answer would be judged by the question after it.
      if (waiting[0]?.isSecret !== true) {
        io.stderr.write(chunk);
      }
      done();
    },
  });
  const lines = createInterface({ input: io.stdin, output, terminal: true, historySize: 0 });
  return new Promise((resolve, reject) => {
    lines.once('close', () => {
      const stopped = 'Stopped before all questions were answered. Nothing was changed.';
      // After the last answer this comes too late to count.
      reject(new OperatorError(stopped));
    });
    // Within the event, so that the next line of a paste is hidden if it answers a secret question.
    lines.on('line', (line) => {
      const question = waiting.shift();
      if (question !== undefined) {
        answers[question.name] = line.trim();
        io.stderr.write(question.isSecret ? '\n' : '');
      }
      if (waiting.length === 0) {
        resolve(answers);
        lines.close();
      }
      io.stderr.write(waiting[0]?.text ?? '');
    });
    io.stderr.write(waiting[0]?.text ?? '');
  });
}
