import type { IndexesOf } from '../store.ts';
import type { Connection } from './connection.ts';

export async function* findProblems(
  _connection: Connection,
  _account: number,
  _indexesOf: IndexesOf,
): AsyncIterable<string> {}
