import type { RequestListener } from 'node:http';
import type { PendingChallenge } from './challenges.ts';

const PREFIX = '/.well-known/acme-challenge/';
/** base64url (RFC 8555 §8.3), and no longer than authorities make them. */
const TOKEN = /^[\w-]{1,256}$/;

/** Plain HTTP where HTTPS is served: the answer to HTTP-01, and the way to HTTPS for all else. */
export function httpChallengeListener(
  domain: string,
  challenges: PendingChallenge,
): RequestListener {
  return (request, response) => {
    const path = request.url ?? '/';
    const token = path.startsWith(PREFIX) ? path.slice(PREFIX.length) : '';
    if (!TOKEN.test(token)) {
      // 307 keeps the method, and is not kept for ever by browsers.
      response.writeHead(307, { Location: `https://${domain}${safePath(path)}` }).end();
      return;
    }
    challenges.httpAnswer(token).then(
      (answer) => {
        const status = answer === undefined ? 404 : 200;
        response.writeHead(status, { 'Content-Type': 'application/octet-stream' });
        response.end(answer ?? 'There is no such challenge.\n');
      },
      () => response.writeHead(503).end(),
    );
  };
}

/** A path alone: what else a request line may hold must not become part of a link. */
function safePath(path: string): string {
  return /^\/(?!\/)[\x21-\x7e]*$/.test(path) ? path : '/';
}
