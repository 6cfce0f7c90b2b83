import type { Subject } from './subject.ts';

/** One thing that `op-scim doctor` looks at. The list of all is in all.ts, docs/doctor.md is drawn from it. */
export interface Check {
  /** Anchor in docs/doctor.md, and what scripts know it by: the title in kebab-case. */
  readonly id: string;
  readonly title: string;
  /** Sentences for docs/doctor.md: what it looks at and why that matters … */
  readonly about: string;
  /** … and what to do when it is not well. */
  readonly remedy: string;
  /** Changes nothing. May take as long as it likes: who runs it gives up after CHECK_MS. */
  run(subject: Subject): Promise<Finding> | Finding;
}

export type State = 'ok' | 'warning' | 'failed' | 'skipped';

export interface Finding {
  readonly state: State;
  /** What was found: sentences, without a secret. */
  readonly detail: string;
  /** What to do, where the detail does not say so itself. */
  readonly hint?: string;
}

export function ok(detail: string): Finding {
  return { state: 'ok', detail };
}

export function skipped(detail: string): Finding {
  return { state: 'skipped', detail };
}

export function warning(detail: string, hint?: string): Finding {
  return { state: 'warning', detail, ...(hint === undefined ? {} : { hint }) };
}

export function failed(detail: string, hint?: string): Finding {
  return { state: 'failed', detail, ...(hint === undefined ? {} : { hint }) };
}

/** Where docs/doctor.md explains a check. */
export function helpFor({ id }: Check): string {
  return `docs/doctor.md#${id}`;
}
