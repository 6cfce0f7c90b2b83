import { connect } from 'node:tls';
import { answerOrders } from './child.ts';

/** New TLS connections, one after the other on each of `connections` lanes, without resumption. */
export interface HandshakeOrder {
  readonly port: number;
  readonly count: number;
  readonly connections: number;
}

answerOrders<HandshakeOrder>({}, async ({ port, count, connections }) => {
  let left = count;
  const lanes = Array.from({ length: connections }, async () => {
    while (left > 0) {
      left -= 1;
      await handshake(port);
    }
  });
  await Promise.all(lanes);
  return {};
});

function handshake(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...{ port, host: '127.0.0.1', servername: 'scim.example.com', rejectUnauthorized: false },
      ALPNProtocols: ['http/1.1'],
    });
    socket.once('secureConnect', () => socket.end());
    socket.once('close', () => resolve());
    socket.once('error', reject);
    socket.resume();
  });
}
