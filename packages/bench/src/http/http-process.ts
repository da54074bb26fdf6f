import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ConstantAnswer, HttpSettings } from '../contenders/http-settings.js';
import { answerTasks } from '../own-process.js';

export type HttpTask =
  | {
      readonly kind: 'listen';
      /** Which limiter; left out, none. */
      readonly limiter?: string;
      /** What a server without a limiter adds to every answer, or answers instead of letting anyone in. */
      readonly constant?: ConstantAnswer;
      readonly settings: HttpSettings;
    }
  | { readonly kind: 'counts' };

/** So far. */
export interface HttpCounts {
  /** Requests that have reached the handler. */
  readonly handled: number;
  /** Processor time of the whole process: the collecting of garbage and what the kernel does for it too. */
  readonly cpuUs: number;
}

type Listen = Extract<HttpTask, { kind: 'listen' }>;

let handled = 0;

function handle(): { id: string; state: string } {
  handled++;
  return { id: 'l1', state: 'active' };
}

// Each server loads its own framework alone.
async function listenExpress({ limiter, constant, settings }: Listen): Promise<Server> {
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
  const server = createServer(app);
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

async function listenFastify({ limiter, constant, settings }: Listen): Promise<Server> {
  const { default: fastify } = await import('fastify');
  const { addConstantFastifyAnswer, FASTIFY_LIMITERS } = await import('../contenders/fastify-limiters.js');
  const app = fastify();
  if (limiter !== undefined) await FASTIFY_LIMITERS[limiter]!(app, settings);
  if (constant !== undefined) addConstantFastifyAnswer(app, constant);
  app.get(PATH, (_request, reply) => {
    reply.send(handle());
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return app.server;
}

const PATH = '/v2/accounts/:account_sid/legs';

answerTasks<HttpTask>(async (task) => {
  if (task.kind === 'counts') {
    const { user, system } = process.cpuUsage();
    return { handled, cpuUs: user + system } satisfies HttpCounts;
  }
  const server = await (process.argv[2] === 'express' ? listenExpress(task) : listenFastify(task));
  return (server.address() as AddressInfo).port;
});
