import { Counter, type Registry } from 'prom-client';

/** Upper bounds in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const;

interface Series {
  readonly labels: { method: string; route: string; status: string };
  readonly counts: number[];
  sumSeconds: number;
}

/**
 * Requests by method, route and status, with their duration. Counted in plain arrays and handed to
 * the registry when it is scraped: a library histogram costs each request a search by labels.
 */
export class RequestMetric {
  readonly #series = new Map<string, Series>();

  constructor(registry: Registry) {
    const all = () => [...this.#series.values()];
    registry.registerMetric(
      new Counter({
        name: 'op_scim_requests_total',
        help: 'Requests by method, route and status.',
        labelNames: ['method', 'route', 'status'],
        registers: [],
        collect() {
          this.reset();
          for (const { labels, counts } of all()) this.inc(labels, total(counts));
        },
      }),
    );
    registry.registerMetric(
      new Counter({
        name: 'op_scim_request_seconds_bucket',
        help: 'Requests that took at most `le` seconds, by method, route and status.',
        labelNames: ['method', 'route', 'status', 'le'],
        registers: [],
        collect() {
          this.reset();
          for (const { labels, counts } of all()) {
            let below = 0;
            for (const [place, bound] of [...BUCKETS, Number.POSITIVE_INFINITY].entries()) {
              below += counts[place] ?? 0;
              this.inc(
                { ...labels, le: bound === Number.POSITIVE_INFINITY ? '+Inf' : bound },
                below,
              );
            }
          }
        },
      }),
    );
    registry.registerMetric(
      new Counter({
        name: 'op_scim_request_seconds_sum',
        help: 'Seconds spent on requests, by method, route and status.',
        labelNames: ['method', 'route', 'status'],
        registers: [],
        collect() {
          this.reset();
          for (const { labels, sumSeconds } of all()) this.inc(labels, sumSeconds);
        },
      }),
    );
  }

  observe(method: string, route: string, status: number, ms: number): void {
    const key = `${method} ${route} ${status}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      series = {
        labels: { method, route, status: String(status) },
        counts: new Array<number>(BUCKETS.length + 1).fill(0),
        sumSeconds: 0,
      };
      this.#series.set(key, series);
    }
    const seconds = ms / 1000;
    series.sumSeconds += seconds;
    let place = 0;
    while (place < BUCKETS.length && seconds > (BUCKETS[place] ?? 0)) place += 1;
    series.counts[place] = (series.counts[place] ?? 0) + 1;
  }
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
