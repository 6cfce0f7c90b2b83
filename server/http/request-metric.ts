import { Histogram, type MetricObjectWithValues, type MetricValueWithName } from 'prom-client';

/** Upper bounds in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const NAME = 'op_scim_request_duration_seconds';

type Label = 'method' | 'route' | 'status';

interface Series {
  readonly labels: Readonly<Record<Label, string>>;
  /** Requests per bucket, the last one for those above all bounds. */
  readonly counts: number[];
  sumSeconds: number;
}

/**
 * Requests and their duration by method, route and status. Counted in plain arrays and drawn when
 * scraped: the library's own histogram costs each request a search by labels.
 */
export class RequestMetric extends Histogram<Label> {
  readonly #series = new Map<string, Series>();

  constructor() {
    super({
      name: NAME,
      help: 'Requests and their duration by method, route and status.',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS,
      registers: [],
    });
  }

  count(method: string, route: string, status: number, ms: number): void {
    const key = `${method} ${route} ${status}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      const labels = { method, route, status: String(status) };
      series = { labels, counts: new Array(BUCKETS.length + 1).fill(0), sumSeconds: 0 };
      this.#series.set(key, series);
    }
    const seconds = ms / 1000;
    let place = 0;
    while (place < BUCKETS.length && seconds > (BUCKETS[place] ?? 0)) place += 1;
    series.counts[place] = (series.counts[place] ?? 0) + 1;
    series.sumSeconds += seconds;
  }

  override async get(): Promise<MetricObjectWithValues<MetricValueWithName<Label>>> {
    return { ...(await super.get()), values: [...this.#series.values()].flatMap(valuesOf) };
  }
}

function valuesOf({ labels, counts, sumSeconds }: Series): MetricValueWithName<Label>[] {
  let below = 0;
  const buckets = counts.map((count, place) => {
    below += count;
    const bound = { le: BUCKETS[place] ?? '+Inf' };
    return { metricName: `${NAME}_bucket`, labels: { ...labels, ...bound }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${NAME}_sum`, labels, value: sumSeconds },
    { metricName: `${NAME}_count`, labels, value: below },
  ];
}
