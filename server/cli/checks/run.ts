import { type Check, type Finding, failed, helpFor, type State, skipped } from './check.ts';
import { problemOf, type Subject } from './subject.ts';

/** What one check found, as `--output json` shows it. */
export interface Result {
  readonly id: string;
  readonly title: string;
  readonly state: State;
  readonly detail: string;
  readonly hint: string | null;
  /** Where the check is explained. */
  readonly see: string;
}

/** After which a check is given up. They run side by side, so all of them take hardly longer. */
export const CHECK_MS = 15_000;

/** All results in the order of the checks. A check that fails by a bug of ours fails alone. */
export function runChecks(checks: readonly Check[], subject: Subject, limitMs = CHECK_MS) {
  return Promise.all(
    checks.map(async (check) => resultOf(check, await findingOf(check, subject, limitMs))),
  );
}

/** What there is to say when the settings can't be read. */
export function withoutSettings(checks: readonly Check[], mistakes: string): readonly Result[] {
  return checks.map((check) =>
    resultOf(
      check,
      check.id === 'settings' ? failed(mistakes) : skipped('The settings can not be read.'),
    ),
  );
}

async function findingOf(check: Check, subject: Subject, limitMs: number): Promise<Finding> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding>((resolve) => {
    const said = `It was not known within ${limitMs / 1_000} s, and was given up.`;
    timer = setTimeout(() => resolve(failed(said)), limitMs);
  });
  try {
    return await Promise.race([check.run(subject), late]);
  } catch (thrown) {
    return failed(problemOf(thrown) ?? bugText(thrown), undefined);
  } finally {
    clearTimeout(timer);
  }
}

/** Without the message, which is not meant for operators. */
function bugText(thrown: unknown): string {
  const name = thrown instanceof Error ? thrown.name : typeof thrown;
  const place = thrown instanceof Error ? /\n\s+at (.*)/.exec(thrown.stack ?? '')?.[1] : undefined;
  return `The check itself failed by a bug (${name} at ${place ?? 'an unknown place'}). Please report it.`;
}

function resultOf(check: Check, { state, detail, hint = undefined }: Finding): Result {
  const { id, title } = check;
  return { id, title, state, detail, hint: hint ?? null, see: helpFor(check) };
}
