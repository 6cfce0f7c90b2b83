/** An answer as `fetch` saw it, to be sent again by bare Koa. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Node writes these by itself. */
const CONNECTION_HEADERS = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'transfer-encoding',
]);

export async function captureAnswer(url: string, init: RequestInit): Promise<WireAnswer> {
  const response = await fetch(url, init);
  const body = await response.text();
  const kept = [...response.headers].filter(([name]) => !CONNECTION_HEADERS.has(name));
  return { status: response.status, headers: Object.fromEntries(kept), body };
}
