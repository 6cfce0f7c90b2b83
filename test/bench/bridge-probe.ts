import { Session } from 'node:inspector/promises';
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

/** The longest turn of the event loop. */
export interface DelayAnswer {
  /** CPU of the main thread: what the bridge itself did. */
  readonly cpuMs: number;
  /** By the clock: also what others did on the same core. */
  readonly wallMs: number;
}

export interface ProfileAnswer {
  readonly profile: CpuProfile;
}

function obeyOrders(): void {
  const turns = new TurnWatch();
  const session = new Session();
  const obey = async (order: ProbeOrder): Promise<object> => {
    switch (order.kind) {
      case 'resetDelay':
        turns.start();
        return {};
      case 'readDelay':
        return turns.stop();
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

/** Looks at the clocks once each turn, for which it keeps the event loop turning. */
class TurnWatch {
  #isOn = false;
  #cpuMs = 0;
  #wallMs = 0;

  start(): void {
    this.#isOn = true;
    this.#cpuMs = 0;
    this.#wallMs = 0;
    this.#watch(threadCpuMs(), performance.now());
  }

  stop(): DelayAnswer {
    this.#isOn = false;
    return { cpuMs: this.#cpuMs, wallMs: this.#wallMs };
  }

  #watch(cpuMs: number, wallMs: number): void {
    setImmediate(() => {
      if (!this.#isOn) return;
      const cpuNowMs = threadCpuMs();
      const wallNowMs = performance.now();
      this.#cpuMs = Math.max(this.#cpuMs, cpuNowMs - cpuMs);
      this.#wallMs = Math.max(this.#wallMs, wallNowMs - wallMs);
      this.#watch(cpuNowMs, wallNowMs);
    });
  }
}

function threadCpuMs(): number {
  process.cpuUsage(); // Linux brings the thread's clock up to date for this one, not for the next.
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

if (isMainThread && process.send !== undefined) obeyOrders();
