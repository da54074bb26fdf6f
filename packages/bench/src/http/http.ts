import { type BenchOptions, isAsked } from '../bench-options.js';
import { EXPRESS_LIMITERS } from '../contenders/express-limiters.js';
import { FASTIFY_LIMITERS } from '../contenders/fastify-limiters.js';
import { inTurn } from '../rounds.js';
import { ratios, spreadOf } from '../spread.js';
import { printTable, spreadCells } from '../table.js';
import { HttpServer } from './http-server.js';
import { findLoad, type Load } from './load.js';

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
  const { smoke, rounds = 5 } = options;
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
    const bare = kind === 'admitted' ? { settings } : { settings, refusal: await limiters[0]!.refusal() };
    const floor = await start(framework, 'bare', bare);
    // The same once more shows how far two that are equal come apart here.
    const contenders = [await start(framework, 'bare, again', bare), ...limiters];
    const pairs = await inTurn(contenders, { rounds: smoke ? 1 : rounds }, async (contender, round) => {
      // Who goes first changes with the rounds.
      const first = round % 2 === 0 ? floor : contender;
      const second = first === floor ? contender : floor;
      const rates = new Map([
        [first, await first.rate(load, kind)],
        [second, await second.rate(load, kind)],
      ]);
      return { bare: rates.get(floor)!, own: rates.get(contender)! };
    });
    const bareRates = [...pairs.values()].flatMap((samples) => samples.map(({ bare }) => bare));
    printTable(
      title,
      ['', 'requests/s', 'least to most', 'of bare, by pairs', 'least to most'],
      [
        ['bare', ...spreadCells(spreadOf(bareRates)), undefined, undefined],
        ...contenders.map((contender) => {
          const samples = pairs.get(contender)!;
          const own = samples.map((sample) => sample.own);
          const besideIt = samples.map((sample) => sample.bare);
          return [contender.name, ...spreadCells(spreadOf(own)), ...spreadCells(ratios(own, besideIt))];
        }),
      ],
    );
  } finally {
    for (const server of servers) await server.end();
  }
}
