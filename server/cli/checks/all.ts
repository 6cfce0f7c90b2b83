import { authorityChecks } from './authority.ts';
import { certificateChecks } from './certificate.ts';
import type { Check } from './check.ts';
import { domainChecks } from './domain.ts';
import { redisChecks } from './redis.ts';
import { servingChecks } from './serving.ts';
import { sessionChecks } from './session.ts';
import { settingsChecks } from './settings.ts';
import { accountCheck, sqliteChecks } from './sqlite.ts';

/** What doctor looks at, by area, in the order of its output and of docs/doctor.md. */
export const areas: Readonly<Record<string, readonly Check[]>> = {
  'Settings and session': [...settingsChecks, ...sessionChecks],
  Store: [...redisChecks, ...sqliteChecks, accountCheck],
  'The running bridge': servingChecks,
  'Domain and certificate': [...domainChecks, ...certificateChecks, ...authorityChecks],
};

export const checks: readonly Check[] = Object.values(areas).flat();
