import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';

/** Serves on a free port of 127.0.0.1; resolves to the port. */
export async function listen(server: Server | SecureServer): Promise<number> {
  server.keepAliveTimeout = 75_000; // That of the bridge.
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert(typeof address === 'object' && address !== null);
  return address.port;
}
