/**
 * A mistake of set-up that the operator can mend: printed without a stack, ends the process with
 * `exitCode` (2: refused before anything was changed). The message says what happened, what was
 * received (masked if secret) and what to do.
 */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  readonly exitCode: number;

  constructor(message: string, options: { cause?: unknown; exitCode?: number } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? 2;
  }
}
