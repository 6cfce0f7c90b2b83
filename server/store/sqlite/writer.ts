import { parentPort, workerData } from 'node:worker_threads';
import { type OpenFile, openWriter } from './file.ts';
import { type Request, runRequests } from './requests.ts';

/**
 * The thread that writes the file. One message is a batch of requests, answered by one message when
 * their transaction is on the disk; `undefined` ends it. See WriteQueue.
 */
if (parentPort === null) {
  throw new Error('writer.ts runs as a worker thread of WriteQueue only.');
}
const port = parentPort;
// Parsed boundary: WriteQueue starts this thread with it.
const connection = openWriter(workerData as OpenFile);

// Parsed boundary: WriteQueue sends nothing else.
port.on('message', (requests: readonly Request[] | undefined) => {
  if (requests === undefined) {
    connection.close();
    port.close();
  } else {
    port.postMessage(runRequests(connection, requests));
  }
});
