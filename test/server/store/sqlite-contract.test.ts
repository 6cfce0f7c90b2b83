import { openSqliteBackend } from '#store/sqlite/backend.ts';
import { storeContract } from '../../contract/store-contract.ts';
import { temporaryFile } from '../../support/sqlite-store.ts';

storeContract('SQLite in memory', async () => {
  const backend = await openSqliteBackend({ file: ':memory:' });
  return { backend, close: () => backend.close() };
});

storeContract('SQLite in a file', async () => {
  const { file, remove } = temporaryFile();
  const backend = await openSqliteBackend({ file });
  return {
    backend,
    close: async () => {
      await backend.close();
      remove();
    },
  };
});
