import assert from 'node:assert/strict';
import { after, before, suite } from 'node:test';
import type { StoreBackend } from '#store/store.ts';
import { announcementChecks } from './announcements.ts';
import { commitChecks } from './commits.ts';
import { draftChecks } from './drafts.ts';
import { checks } from './fixture.ts';
import { memberChecks } from './members.ts';
import { modelChecks } from './model.ts';
import { queryChecks } from './queries.ts';
import { upkeepChecks } from './upkeep.ts';

/** Every promise of server/store/store.ts as tests, on a backend that `open` gives once. */
export function storeContract(
  name: string,
  open: () => Promise<{ backend: StoreBackend; close(): Promise<void> }>,
): void {
  suite(`store contract: ${name}`, () => {
    let opened: { backend: StoreBackend; close(): Promise<void> } | undefined;
    before(async () => {
      opened = await open();
    });
    after(() => opened?.close());
    const backend = (): StoreBackend => {
      assert.ok(opened, 'The backend did not open.');
      return opened.backend;
    };
    const check = checks(backend);
    announcementChecks(backend);
    commitChecks(check);
    queryChecks(check);
    memberChecks(check);
    draftChecks(check);
    upkeepChecks(check);
    modelChecks(check);
  });
}
