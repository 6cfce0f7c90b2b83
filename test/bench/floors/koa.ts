import { createServer } from 'node:http';
import Koa from 'koa';
import { answerOrders } from '../child.ts';
import type { WireAnswer } from '../wire.ts';
import { listen } from './listen.ts';

/** Bare Koa: whatever is asked, it sends the answer that it was given last. */
let answer: WireAnswer = { status: 204, headers: {}, body: '' };

const app = new Koa();
app.use((ctx) => {
  ctx.status = answer.status;
  ctx.set(answer.headers);
  if (answer.status !== 204) ctx.body = answer.body;
});

answerOrders<WireAnswer>({ port: await listen(createServer(app.callback())) }, async (order) => {
  answer = order;
  return {};
});
