import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ConstantAnswer, HttpSettings } from '../contenders/http-settings.js';
import { answerTasks } from '../own-process.js';
import { Turns } from './turns.js';

export type HttpTask =
  | {
      readonly kind: 'listen';
      readonly own: Contender;
      /** Runs in the same process, for comparison. */
      readonly bare: Contender;
      readonly settings: HttpSettings;
    }
  /** The contender takes turns of `turnMs` with bare, or else answers all requests. */
  | { readonly kind: 'begin'; readonly port: number; readonly turnMs?: number | undefined }
  | { readonly kind: 'end'; readonly port: number };

/** What runs before the handler: nothing, if both are undefined. */
export interface Contender {
  readonly limiter?: string | undefined;
  /** Added to every answer, or, with a body, sent instead of every answer. */
  readonly constant?: ConstantAnswer | undefined;
}

/** Counted from `begin` to `end`. */
export interface HttpCounts {
  /** Requests that reached the handler. */
  readonly handled: number;
  /** CPU time of one request to the contender, and of one to bare in its turns. */
  readonly ownCpuUs: number;
  readonly bareCpuUs: number;
}

let handled = 0;

function handle(): { id: string; state: string } {
  handled++;
  return { id: 'l1', state: 'active' };
}

// Each process loads only its own framework.
async function makeExpress({ limiter, constant }: Contender, settings: HttpSettings): Promise<RequestListener> {
  const { default: express } = await import('express');
  const { constantExpressAnswer, EXPRESS_LIMITERS } = await import('../contenders/express-limiters.js');
  const app = express();
  const before = [
    ...(limiter === undefined ? [] : [await EXPRESS_LIMITERS[limiter]!(settings)]),
    ...(constant === undefined ? [] : [constantExpressAnswer(constant)]),
  ];
  app.get(PATH, ...before, (_request, response) => {
    response.json(handle());
  });
  return app;
}

async function makeFastify({ limiter, constant }: Contender, settings: HttpSettings): Promise<RequestListener> {
  const { default: fastify } = await import('fastify');
  const { addConstantFastifyAnswer, FASTIFY_LIMITERS } = await import('../contenders/fastify-limiters.js');
  const app = fastify();
  if (limiter !== undefined) await FASTIFY_LIMITERS[limiter]!(app, settings);
  if (constant !== undefined) addConstantFastifyAnswer(app, constant);
  app.get(PATH, (_request, reply) => {
    reply.send(handle());
  });
  await app.ready();
  return app.routing;
}

const PATH = '/v2/accounts/:account_sid/legs';

/** By port. */
const servers = new Map<number, Turns>();

answerTasks<HttpTask>(async (task) => {
  switch (task.kind) {
    case 'listen': {
      const make = process.argv[2] === 'express' ? makeExpress : makeFastify;
      const turns = new Turns(await make(task.own, task.settings), await make(task.bare, task.settings));
      const server = createServer(turns.listener);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      servers.set(port, turns);
      return port;
    }
    case 'begin':
      handled = 0;
      return servers.get(task.port)!.begin(task.turnMs);
    case 'end':
      return { handled, ...servers.get(task.port)!.end() } satisfies HttpCounts;
  }
});
