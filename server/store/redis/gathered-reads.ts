import type { StoredRecord } from '../store.ts';

/** Records of one command: about a millisecond of Redis when each is a person with groups. */
const GATHERED_MAX = 100;

/** Reads records by id; as many answers as ids. */
type ReadMany = (ids: readonly string[]) => Promise<readonly (StoredRecord | undefined)[]>;

/**
 * Single reads that are asked for in one turn of the event loop, sent as one command: a command of its
 * own costs the bridge as much as the rest of the read.
 */
export class GatheredReads {
  readonly #readMany: ReadMany;
  readonly #atEndOfTurn: (send: () => void) => void;
  #open: { readonly ids: string[]; readonly answer: ReturnType<ReadMany> } | undefined;

  constructor(atEndOfTurn: (send: () => void) => void, readMany: ReadMany) {
    this.#atEndOfTurn = atEndOfTurn;
    this.#readMany = readMany;
  }

  async get(id: string): Promise<StoredRecord | undefined> {
    this.#open ??= this.#begin();
    const { ids, answer } = this.#open;
    const place = ids.push(id) - 1;
    if (ids.length === GATHERED_MAX) this.#open = undefined;
    return (await answer)[place];
  }

  #begin(): { readonly ids: string[]; readonly answer: ReturnType<ReadMany> } {
    const ids: string[] = [];
    const answer = new Promise<readonly (StoredRecord | undefined)[]>((resolve) => {
      this.#atEndOfTurn(() => {
        if (this.#open?.ids === ids) this.#open = undefined;
        resolve(this.#readMany(ids));
      });
    });
    return { ids, answer };
  }
}
