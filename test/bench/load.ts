import { connect, type Socket } from 'node:net';
import { answerOrders } from './child.ts';
import { quantile } from './measure.ts';

/** One request as it goes over the wire, and what a right answer has. */
export interface Shot {
  readonly bytes: string;
  readonly statuses: readonly number[];
  /** Must be in the answer. */
  readonly includes?: string;
}

/** `aim` opens the connections, `fire` sends: so that the server's CPU is read in between. */
export type LoadOrder =
  | {
      readonly kind: 'aim';
      readonly port: number;
      readonly connections: number;
      readonly shots: readonly Shot[];
    }
  /** No request starts later than this. */
  | { readonly kind: 'fire'; readonly limitMs: number };

export interface LoadResult {
  readonly completed: number;
  readonly wallMs: number;
  readonly medianMs: number;
  readonly worstMs: number;
  readonly p99Ms: number;
  /** The first answers that were not as expected. */
  readonly wrong: readonly string[];
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n');
const ANSWER_LIMIT_MS = 120_000;

let shots: readonly Shot[] = [];
let sockets: Socket[] = [];

answerOrders<LoadOrder>({}, async (order) => {
  if (order.kind === 'fire') return await fire(order.limitMs);
  shots = order.shots;
  for (const socket of sockets) socket.destroy();
  sockets = await Promise.all(Array.from({ length: order.connections }, () => open(order.port)));
  return {};
});

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

async function fire(limitMs: number): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const wrong: string[] = [];
  const startMs = performance.now();
  let next = 0;
  await Promise.all(
    sockets.map(async (socket) => {
      while (performance.now() - startMs < limitMs && wrong.length < 3) {
        const shot = shots[next++];
        if (shot === undefined) return;
        const sentMs = performance.now();
        const answer = await exchange(socket, shot.bytes);
        latenciesMs.push(performance.now() - sentMs);
        if (!isRight(shot, answer)) wrong.push(describe(shot, answer));
      }
    }),
  );
  return {
    completed: latenciesMs.length,
    wallMs: performance.now() - startMs,
    medianMs: quantile(latenciesMs, 0.5),
    worstMs: quantile(latenciesMs, 1),
    p99Ms: quantile(latenciesMs, 0.99),
    wrong,
  };
}

/** Sends a request and resolves to the whole answer: head, blank line, body. */
function exchange(socket: Socket, bytes: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    let expected: number | undefined;
    const settle = (finish: () => void): void => {
      socket.off('data', take).off('close', closed).off('error', closed);
      socket.setTimeout(0).off('timeout', late);
      finish();
    };
    const closed = (): void => settle(() => reject(new Error('the server closed the connection')));
    const late = (): void => settle(() => reject(new Error(`no answer in ${ANSWER_LIMIT_MS} ms`)));
    const take = (part: Buffer): void => {
      parts.push(part);
      length += part.length;
      expected ??= expectedLength(parts.length === 1 ? part : Buffer.concat(parts));
      const isWhole =
        expected === undefined ? false : length >= expected || endsChunked(expected, parts);
      if (isWhole) settle(() => resolve(parts.length === 1 ? part : Buffer.concat(parts)));
    };
    socket.on('data', take).once('close', closed).once('error', closed);
    socket.setTimeout(ANSWER_LIMIT_MS).once('timeout', late);
    socket.write(bytes);
  });
}

/** Bytes of the answer with its head; Infinity when it is chunked, undefined while the head lacks. */
function expectedLength(answer: Buffer): number | undefined {
  const headEnd = answer.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = answer.toString('latin1', 0, headEnd);
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  if (length !== undefined) return headEnd + HEAD_END.length + Number(length);
  if (/^transfer-encoding: *chunked/im.test(head)) return Number.POSITIVE_INFINITY;
  return headEnd + HEAD_END.length; // 204
}

/** JSON escapes its line breaks, so the last chunk's bytes are nowhere else. */
function endsChunked(expected: number, parts: readonly Buffer[]): boolean {
  if (expected !== Number.POSITIVE_INFINITY) return false;
  const tail = Buffer.concat(parts.slice(-LAST_CHUNK.length)).subarray(-LAST_CHUNK.length);
  return tail.equals(LAST_CHUNK);
}

function isRight(shot: Shot, answer: Buffer): boolean {
  const status = Number(answer.toString('latin1', 9, 12));
  return (
    shot.statuses.includes(status) &&
    (shot.includes === undefined || answer.includes(shot.includes))
  );
}

function describe(shot: Shot, answer: Buffer): string {
  const wanted = `${shot.statuses.join(' or ')}${shot.includes === undefined ? '' : ` with ${shot.includes}`}`;
  return `${shot.bytes.slice(0, 300)}\nwas to be answered ${wanted}, but was:\n${answer.toString('utf8', 0, 1_500)}`;
}
