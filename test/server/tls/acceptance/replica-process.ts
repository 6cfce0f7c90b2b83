import { pino } from 'pino';
import { loadConfig } from '#config/load.ts';
import { startBridge } from '#main';
import type { TlsTuning } from '#tls/open-tls.ts';

/** A bridge as a process of its own: settings from OP_*, the tuning as JSON in the first argument. */
const tuning = JSON.parse(process.argv[2] ?? '{}') as TlsTuning; // Written by replicas.ts.
const { config } = loadConfig(process.env);
const log = pino({ level: 'debug' });
const bridge = await startBridge({ config, log, version: '0.0.0', tlsTuning: tuning });
process.once('SIGTERM', () => {
  void bridge.close().then(() => process.exit(0));
});
process.on('message', () => {
  globalThis.gc?.();
  process.send?.({ heapBytes: process.memoryUsage().heapUsed });
});
process.send?.({ url: bridge.url });
