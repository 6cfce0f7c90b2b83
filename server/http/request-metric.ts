/** Upper bounds in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
/** Those that SCIM and browsers use. HTTP knows 30 more, and each would be a series. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const NAME = 'op_scim_request_duration_seconds';

interface Series {
  readonly labels: string;
  /** Requests per bucket, the last one for those above all bounds. */
  readonly counts: number[];
  sumSeconds: number;
}

/**
 * Requests and their duration by method, route and status. Counted in plain arrays and drawn when
 * scraped: the library's own histogram costs each request a search by labels.
 */
export class RequestMetric {
  readonly #series = new Map<string, Series>();

  count(requestMethod: string, route: string, status: number, ms: number): void {
    const method = METHODS.has(requestMethod) ? requestMethod : 'other';
    const key = `${method} ${route} ${status}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      const labels = `method="${method}",route="${route}",status="${status}"`;
      series = { labels, counts: new Array(BUCKETS.length + 1).fill(0), sumSeconds: 0 };
      this.#series.set(key, series);
    }
    const seconds = ms / 1000;
    let place = 0;
    while (place < BUCKETS.length && seconds > (BUCKETS[place] ?? 0)) place += 1;
    series.counts[place] = (series.counts[place] ?? 0) + 1;
    series.sumSeconds += seconds;
  }

  /** A histogram in the text format of Prometheus, with a line break at its end. */
  draw(): string {
    const lines = [
      `# HELP ${NAME} Requests and their duration by method, route and status.`,
      `# TYPE ${NAME} histogram`,
      ...[...this.#series.values()].flatMap(linesOf),
    ];
    return `${lines.join('\n')}\n`;
  }
}

function linesOf({ labels, counts, sumSeconds }: Series): string[] {
  let below = 0;
  const buckets = counts.map((count, place) => {
    below += count;
    return `${NAME}_bucket{${labels},le="${BUCKETS[place] ?? '+Inf'}"} ${below}`;
  });
  return [...buckets, `${NAME}_sum{${labels}} ${sumSeconds}`, `${NAME}_count{${labels}} ${below}`];
}
