import type { Option } from './option.ts';
import { accountOptions } from './options-account.ts';
import { limitOptions } from './options-limits.ts';
import { logOptions, servingOptions } from './options-serving.ts';
import { storeOptions } from './options-store.ts';
import { tlsOptions } from './options-tls.ts';

/** Every setting of the bridge: parsed at start, masked in logs, drawn in docs/config.md, offered by the chart. */
export const options = {
  ...servingOptions,
  ...accountOptions,
  ...storeOptions,
  ...tlsOptions,
  ...limitOptions,
  ...logOptions,
};

/** The same settings in the order and under the titles of docs/config.md. */
export const sections = {
  'Addresses and ports': servingOptions,
  'Session and account': accountOptions,
  Store: storeOptions,
  'Certificates (TLS)': tlsOptions,
  Limits: limitOptions,
  Logs: logOptions,
};

export type OptionName = keyof typeof options;

type ValueOf<O> = O extends Option<infer T> ? T : never;

/** The settings as the server reads them: frozen, with all fallbacks filled in. */
export type Config = { readonly [Name in OptionName]: ValueOf<(typeof options)[Name]> };
