import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { answerOrders } from '../child.ts';
import { listen } from './listen.ts';

/** Node's own https server, as its documentation shows it, with the certificate and key of the arguments. */
const [certFile = '', keyFile = ''] = process.argv.slice(2);

const server = createServer(
  { cert: readFileSync(certFile), key: readFileSync(keyFile) },
  (_request, response) => {
    response.end('pong\n');
  },
);

answerOrders({ port: await listen(server) }, async () => ({}));
