import { getCompileCacheDir } from 'node:module';
import { dirname, extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { StoreUnavailable } from '../store.ts';
import { unavailable } from './failure.ts';
import type { OpenFile } from './file.ts';
import {
  type Answer,
  type Request,
  resultOf,
  type Task,
  type TaskArguments,
  type TaskName,
  type TaskResult,
} from './requests.ts';

/** Requests in one transaction. Bounds how long the first of them waits for the last. */
const MAX_BATCH = 256;

const ENDED = 'The thread that writes the database ended: see the log, then try again.';

/** Where requests are written: the writer thread of a file, or the memory's one connection. */
export interface WriterPort {
  run(requests: readonly Request[]): Promise<readonly Answer[]>;
  close(): Promise<void>;
}

interface Waiting {
  readonly request: Request;
  readonly settle: (answer: Answer) => void;
}

/** Gathers requests while the batch before is being written, and sends them as one. */
export class WriteQueue {
  readonly #port: WriterPort;
  readonly #clock: () => number;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(port: WriterPort, clock: () => number) {
    this.#port = port;
    this.#clock = clock;
  }

  /** Resolves when what the task wrote is durable and seen by readers. */
  async request<Name extends TaskName>(
    name: Name,
    accountId: string,
    ...values: TaskArguments<Name>
  ): Promise<TaskResult<Name>> {
    const answer = await this.#answerTo({ name, accountId, values });
    // Parsed boundary: TASKS[name] gave the result.
    return resultOf(answer) as TaskResult<Name>;
  }

  /** Writes one row of no account: rejects with StoreUnavailable when another write would. */
  async probe(): Promise<void> {
    resultOf(await this.#answerTo(undefined));
  }

  /** Refuses new requests and waits for those made so far. */
  async drain(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async close(): Promise<void> {
    await this.drain();
    await this.#port.close();
  }

  async #answerTo(task: Task | undefined): Promise<Answer> {
    if (this.#isClosed) {
      throw new StoreUnavailable('The database is closed: the bridge is being stopped.');
    }
    const request = { task, nowMs: this.#clock() };
    return new Promise((settle) => {
      this.#waiting.push({ request, settle });
      this.#running ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    // Requests that came by the same turn of the event loop go together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      const answers = await this.#answersTo(batch);
      for (const [place, { settle }] of batch.entries()) {
        settle(answers[place] ?? { bug: new Error('The writer left a request unanswered.') });
      }
    }
    this.#running = undefined;
  }

  async #answersTo(batch: readonly Waiting[]): Promise<readonly Answer[]> {
    try {
      return await this.#port.run(batch.map(({ request }) => request));
    } catch (thrown) {
      return batch.map(() => ({ bug: thrown }));
    }
  }
}

/** The writer thread of a file. Started again when it ended by itself, at the next batch. */
export class WriterThread implements WriterPort {
  readonly #file: OpenFile;
  #worker: Worker | undefined;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  /** One batch at a time. */
  async run(requests: readonly Request[]): Promise<readonly Answer[]> {
    const worker = this.#worker ?? this.#start();
    worker.ref();
    try {
      worker.postMessage(requests);
      return await this.#answersOf(worker, requests);
    } finally {
      worker.unref();
    }
  }

  #answersOf(worker: Worker, requests: readonly Request[]): Promise<readonly Answer[]> {
    return new Promise((resolve) => {
      const settle = (answers: readonly Answer[]) => {
        worker.off('message', settle);
        worker.off('error', fail);
        worker.off('exit', fail);
        resolve(answers);
      };
      const fail = (cause: unknown) => {
        this.#worker = undefined;
        const reason = unavailable(cause)?.reason ?? ENDED;
        settle(requests.map(() => ({ unavailable: reason, cause })));
      };
      worker.on('message', settle);
      worker.on('error', fail);
      worker.on('exit', fail);
    });
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) {
      return;
    }
    worker.ref();
    await new Promise((resolve) => {
      worker.once('exit', resolve);
      worker.once('error', resolve);
      worker.postMessage(undefined);
    });
  }

  #start(): Worker {
    // The same extension as this file: .ts in a clone and in the image, .js in the npm package.
    const entry = new URL(`./writer${extname(import.meta.url)}`, import.meta.url);
    // The environment may hold secrets; a worker finds the compile cache by its variable alone.
    const cache = getCompileCacheDir();
    const env = cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) };
    const worker = new Worker(entry, { workerData: this.#file, env, name: 'sqlite-writer' });
    worker.once('exit', () => {
      this.#worker = undefined;
    });
    // Without a listener an error between two batches would end the bridge.
    worker.on('error', () => undefined);
    this.#worker = worker;
    return worker;
  }
}
