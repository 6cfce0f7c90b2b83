import { Session } from 'node:inspector/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';
import type { CpuProfile } from './profile.ts';

/**
 * Loaded into the bridge by `--import` for the parts of the benchmark that look inside: how long its
 * event loop was blocked, and where its CPU goes. Never loaded while CPU or memory is measured.
 */
export type ProbeOrder =
  | { readonly kind: 'resetDelay' }
  | { readonly kind: 'readDelay' }
  | { readonly kind: 'startProfile' }
  | { readonly kind: 'stopProfile' };

export interface DelayAnswer {
  readonly longestMs: number;
}

export interface ProfileAnswer {
  readonly profile: CpuProfile;
}

const RESOLUTION_MS = 1;

if (isMainThread && process.send !== undefined) obeyOrders();

function obeyOrders(): void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const session = new Session();
  const obey = async (order: ProbeOrder): Promise<object> => {
    switch (order.kind) {
      case 'resetDelay':
        delay.reset();
        return {};
      case 'readDelay': {
        const longestMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
        return { longestMs } satisfies DelayAnswer;
      }
      case 'startProfile':
        session.connect();
        await session.post('Profiler.enable');
        await session.post('Profiler.setSamplingInterval', { interval: 200 });
        await session.post('Profiler.start');
        return {};
      case 'stopProfile': {
        const { profile } = await session.post('Profiler.stop');
        session.disconnect();
        return { profile } satisfies ProfileAnswer;
      }
    }
  };
  process.on('message', (order: ProbeOrder) => {
    void obey(order).then((answer) => process.send?.(answer));
  });
  process.channel?.unref();
}
