import { type BenchOptions, isAsked, roundsOf } from '../bench-options.js';
import { EXPRESS_LIMITERS } from '../contenders/express-limiters.js';
import { FASTIFY_LIMITERS } from '../contenders/fastify-limiters.js';
import { inTurn } from '../rounds.js';
import { HttpServer } from './http-server.js';
import { findLoad, type Load } from './load.js';
import { printPairs } from './pairs-table.js';

const FRAMEWORKS = { express: Object.keys(EXPRESS_LIMITERS), fastify: Object.keys(FASTIFY_LIMITERS) } as const;
type Framework = keyof typeof FRAMEWORKS;
type Kind = 'admitted' | 'refused';

/** Whole requests over loopback, each limiter always right beside the bare framework. */
export async function measureHttp(options: BenchOptions): Promise<void> {
  const load = findLoad(options.smoke);
  try {
    for (const framework of ['express', 'fastify'] as const) {
      for (const kind of ['admitted', 'refused'] as const) {
        const title = `HTTP, ${framework}, ${kind} (${load.program})`;
        if (isAsked(options, title)) await measure(title, framework, kind, load, options);
      }
    }
  } finally {
    load.end();
  }
}

async function measure(
  title: string,
  framework: Framework,
  kind: Kind,
  load: Load,
  options: BenchOptions,
): Promise<void> {
  const settings = kind === 'admitted' ? { limit: 1_000_000, windowMs: 60_000 } : { limit: 1, windowMs: 3_600_000 };
  const servers: HttpServer[] = [];
  const start = async (...about: Parameters<typeof HttpServer.start>) => {
    const server = await HttpServer.start(...about);
    servers.push(server);
    return server;
  };
  try {
    const limiters = await Promise.all(
      FRAMEWORKS[framework].map((limiter) => start(framework, limiter, { limiter, settings })),
    );
    // All accounts use up what they are granted, so that every later request is refused.
    if (kind === 'refused') await Promise.all(limiters.map((server) => server.askForAll()));
    const constant = await limiters[0]!.addition(kind);
    const bare = kind === 'admitted' ? { settings } : { settings, constant };
    const floor = await start(framework, 'bare', bare);
    const contenders = [
      // The same once more shows how far two that are equal come apart here.
      await start(framework, 'bare, again', bare),
      ...(kind === 'admitted' ? [await start(framework, 'constant headers', { settings, constant })] : []),
      ...limiters,
    ];
    const pairs = await inTurn(contenders, roundsOf(options, 5), async (contender, round) => {
      // Who goes first changes with the rounds.
      const first = round % 2 === 0 ? floor : contender;
      const second = first === floor ? contender : floor;
      const taken = new Map([
        [first, await first.run(load, kind)],
        [second, await second.run(load, kind)],
      ]);
      return { bare: taken.get(floor)!, own: taken.get(contender)! };
    });
    printPairs(title, pairs);
  } finally {
    for (const server of servers) await server.end();
  }
}
