import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';

/**
 * A database connection with its prepared statements. Not shared between threads. Every statement is
 * a literal in the code: the set of prepared ones is bounded by it.
 */
export class Connection {
  readonly database: DatabaseSync;
  /** Numbers of ordered lists by account, collection and name. Emptied by a rollback. */
  readonly lists = new Map<string, number>();
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.database = database;
  }

  /** The first row, or undefined. `Row` is what the SQL beside it selects. */
  one<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    // Parsed boundary: SQLite's STRICT tables hold what the schema says.
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    // Parsed boundary, as in `one`.
    return this.#statement(sql).all(...values) as Row[];
  }

  /** Rows one by one. The loop must not run the same SQL again before it ends. */
  each<Row>(sql: string, ...values: SQLInputValue[]): Iterable<Row> {
    // Parsed boundary, as in `one`.
    return this.#statement(sql).iterate(...values) as Iterable<Row>;
  }

  /** Resolves to how many rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /** All that `work` reads is of one moment. `work` must not wait. */
  read<T>(work: () => T): T {
    this.run('BEGIN');
    try {
      return work();
    } finally {
      if (this.database.isTransaction) {
        this.run('COMMIT');
      }
    }
  }

  /** Undoes what `work` wrote when it throws or `isKept` says no of what it returns. */
  attempt<T>(work: () => T, isKept: (result: T) => boolean): T {
    this.run('SAVEPOINT attempt');
    try {
      const result = work();
      if (!isKept(result)) {
        this.#rollBackAttempt();
      }
      this.run('RELEASE attempt');
      return result;
    } catch (thrown) {
      // A full disk or a failed read ends the whole transaction by itself.
      if (this.database.isTransaction) {
        this.#rollBackAttempt();
        this.run('RELEASE attempt');
      }
      throw thrown;
    }
  }

  /** All of `work` in one transaction: committed when it returns, undone when it throws. */
  transaction<T>(work: () => T): T {
    this.run('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.run('COMMIT');
      return result;
    } catch (thrown) {
      this.lists.clear();
      if (this.database.isTransaction) {
        this.run('ROLLBACK');
      }
      throw thrown;
    }
  }

  close(): void {
    this.#statements.clear();
    this.database.close();
  }

  #rollBackAttempt(): void {
    this.lists.clear();
    this.run('ROLLBACK TO attempt');
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
