import { bytes, option, wholeNumber } from './option.ts';

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 ** 2;

export const limitOptions = {
  requestsPerSecond: option({
    env: 'OP_RATE_LIMIT',
    chart: 'config.requestsPerSecond',
    parser: wholeNumber(25, 100_000, 'requests a second'),
    fallback: 100,
    help: 'Requests a second that one account may send before the answer is 429 with Retry-After.',
  }),
  scanLimitMs: option({
    env: 'OP_SCAN_LIMIT',
    chart: 'config.scanLimitMs',
    parser: wholeNumber(100, 60_000, 'milliseconds'),
    fallback: 5_000,
    help: 'Milliseconds that a filter without an index may take before the answer is 400 tooMany.',
  }),
  maxBodyBytes: option({
    env: 'OP_MAX_BODY',
    chart: 'config.maxBody',
    parser: bytes(16 * KIBIBYTE, 64 * MEBIBYTE),
    fallback: MEBIBYTE,
    help: 'Largest request body, but for groups and bulk requests. Larger ones are answered 413.',
  }),
  maxGroupBodyBytes: option({
    env: 'OP_MAX_GROUP_BODY',
    chart: 'config.maxGroupBody',
    parser: bytes(16 * KIBIBYTE, 64 * MEBIBYTE),
    fallback: 8 * MEBIBYTE,
    help: 'Largest body of a request to /Groups, where the member list comes in one piece.',
  }),
  maxBulkBodyBytes: option({
    env: 'OP_MAX_BULK_BODY',
    chart: 'config.maxBulkBody',
    parser: bytes(16 * KIBIBYTE, 64 * MEBIBYTE),
    fallback: 8 * MEBIBYTE,
    help: 'Largest body of a request to /Bulk; /ServiceProviderConfig tells it to clients.',
  }),
  maxBulkOperations: option({
    env: 'OP_MAX_BULK_OPERATIONS',
    chart: 'config.maxBulkOperations',
    parser: wholeNumber(1, 10_000),
    fallback: 1_000,
    help: 'Most operations in one request to /Bulk; /ServiceProviderConfig tells it to clients.',
  }),
};
