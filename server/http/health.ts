/** Health in the form of the vendor's bridge, with a `reason` where something is not well. */
export interface Report {
  readonly source: string;
  /** ISO 8601. A report is good for ten minutes. */
  readonly time: string;
  readonly expires: string;
  readonly state: 'healthy' | 'unhealthy' | 'degraded' | 'locked';
  readonly reason?: string;
}

export type Finding = Pick<Report, 'state' | 'reason'>;

/** A part of the bridge that can say how it is. Must not reject; slow ones time themselves. */
export interface HealthSource {
  readonly source: string;
  check(): Promise<Finding> | Finding;
}

const REPORT_LIFE_MS = 600_000;

export class Health {
  readonly #version: string;
  readonly #sources: readonly HealthSource[];
  readonly #now: () => number;

  constructor(version: string, sources: readonly HealthSource[], now: () => number) {
    this.#version = version;
    this.#sources = sources;
    this.#now = now;
  }

  async reports(): Promise<readonly Report[]> {
    return Promise.all(
      this.#sources.map(async ({ source, check }) => {
        const finding = await check();
        const time = this.#now();
        return {
          source,
          time: wholeSeconds(time),
          expires: wholeSeconds(time + REPORT_LIFE_MS),
          ...finding,
        };
      }),
    );
  }

  /** The body of /health and /monitoring. */
  async reportText(): Promise<string> {
    return JSON.stringify({
      build: buildOf(this.#version),
      version: this.#version,
      reports: await this.reports(),
      retrievedAt: wholeSeconds(this.#now()),
    });
  }
}

/** 2.9.13 is build 209131: the vendor's form, whose last digit counts builds of a version. */
export function buildOf(version: string): string {
  const [major = '0', minor = '0', patch = '0'] = version
    .split('.')
    .map((part) => `${Number.parseInt(part, 10)}`);
  return `${major}${minor.padStart(2, '0')}${patch.padStart(2, '0')}1`;
}

function wholeSeconds(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}
