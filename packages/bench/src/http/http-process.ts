import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HttpSettings, Refusal } from '../contenders/http-settings.js';
import { answerTasks } from '../own-process.js';

export type HttpTask =
  | {
      readonly kind: 'listen';
      /** Which limiter; left out, none. */
      readonly limiter?: string;
      /** What a server without a limiter answers to all, instead of letting them in. */
      readonly refusal?: Refusal;
      readonly settings: HttpSettings;
    }
  /** How many requests have reached the handler. */
  | { readonly kind: 'handled' };

type Listen = Extract<HttpTask, { kind: 'listen' }>;

let handled = 0;

function handle(): { id: string; state: string } {
  handled++;
  return { id: 'l1', state: 'active' };
}

// Each server loads its own framework alone.
async function listenExpress({ limiter, refusal, settings }: Listen): Promise<Server> {
  const { default: express } = await import('express');
  const { bareExpressRefusal, EXPRESS_LIMITERS } = await import('../contenders/express-limiters.js');
  const app = express();
  const before = [
    ...(limiter === undefined ? [] : [EXPRESS_LIMITERS[limiter]!(settings)]),
    ...(refusal === undefined ? [] : [bareExpressRefusal(refusal)]),
  ];
  app.get(PATH, ...before, (_request, response) => {
    response.json(handle());
  });
  const server = createServer(app);
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

async function listenFastify({ limiter, refusal, settings }: Listen): Promise<Server> {
  const { default: fastify } = await import('fastify');
  const { addBareFastifyRefusal, FASTIFY_LIMITERS } = await import('../contenders/fastify-limiters.js');
  const app = fastify();
  if (limiter !== undefined) await FASTIFY_LIMITERS[limiter]!(app, settings);
  if (refusal !== undefined) addBareFastifyRefusal(app, refusal);
  app.get(PATH, (_request, reply) => {
    reply.send(handle());
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return app.server;
}

const PATH = '/v2/accounts/:account_sid/legs';

answerTasks<HttpTask>(async (task) => {
  if (task.kind === 'handled') return handled;
  const server = await (process.argv[2] === 'express' ? listenExpress(task) : listenFastify(task));
  return (server.address() as AddressInfo).port;
});
