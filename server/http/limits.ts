/** Every limit of a request, from the settings. Sizes in bytes. */
export interface Limits {
  readonly bodyBytes: number;
  readonly groupBodyBytes: number;
  readonly bulkBodyBytes: number;
  readonly bulkOperations: number;
  /** Requests per second and account. */
  readonly requestsPerSecond: number;
}

/** Resources of a page: what a client gets unasked, and what it gets at most. */
export const PAGE_DEFAULT = 100;
export const PAGE_MAX = 1_000;
