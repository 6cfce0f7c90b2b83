/**
 * Opens the database argv[2] and makes users, ten commits at a time, until it is killed. Prints
 * `open` and each id once its commit was acknowledged. Exits with the OperatorError's code.
 */
import { OperatorError } from '#base/operator-error.ts';
import { openSqliteBackend } from '#store/sqlite/backend.ts';
import { makeGroup, makeUser } from './sqlite-store.ts';

const COMMITS = 100_000;
const AT_ONCE = 10;

try {
  const backend = await openSqliteBackend({ file: process.argv[2] ?? '' });
  process.stdout.write('open\n');
  const store = backend.account('account');
  await store.commit({ operationId: 'group', writes: [makeGroup('group')] });
  for (let first = 0; first < COMMITS; first += AT_ONCE) {
    const ids = Array.from({ length: AT_ONCE }, (_, place) => `user-${first + place}`);
    await Promise.all(
      ids.map(async (id) => {
        const { outcome } = await store.commit({
          operationId: id,
          writes: [makeUser(id)],
          membership: {
            groupId: 'group',
            add: [id],
            remove: [],
            onUnknown: 'refuse',
            limit: COMMITS,
          },
        });
        process.stdout.write(`${outcome === 'done' ? id : outcome}\n`);
      }),
    );
  }
} catch (thrown) {
  if (!(thrown instanceof OperatorError)) {
    throw thrown;
  }
  process.stderr.write(thrown.message);
  process.exitCode = thrown.exitCode;
}
