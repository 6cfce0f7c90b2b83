import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';

export interface OciRegistry {
  /** `127.0.0.1:port` */
  readonly host: string;
  close(): void;
}

/** What pushing and pulling takes of the OCI distribution API, in memory, without TLS or users. */
export async function startOciRegistry(): Promise<OciRegistry> {
  const contents = new Map<string, { type: string; body: Buffer }>();
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://registry');
    const [, name, kind, reference = ''] =
      /^\/v2\/(.+)\/(blobs|manifests)\/(.*)$/.exec(pathname) ?? [];
    if (kind === undefined) {
      response.writeHead(200).end();
    } else if (request.method === 'POST') {
      const location = `/v2/${name}/blobs/uploads/${contents.size}`;
      response.writeHead(202, { location }).end();
    } else if (request.method === 'PUT') {
      const body = await bodyOf(request);
      const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
      const stored = { type: request.headers['content-type'] ?? '', body };
      for (const key of [digest, searchParams.get('digest') ?? reference])
        contents.set(key, stored);
      response.writeHead(201, { 'docker-content-digest': digest, location: pathname }).end();
    } else {
      const found = contents.get(reference);
      if (found === undefined) {
        response.writeHead(404).end();
        return;
      }
      const digest = `sha256:${createHash('sha256').update(found.body).digest('hex')}`;
      response.writeHead(200, {
        'content-type': found.type,
        'content-length': found.body.length,
        'docker-content-digest': digest,
      });
      response.end(request.method === 'HEAD' ? undefined : found.body);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    host: `127.0.0.1:${address.port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}
