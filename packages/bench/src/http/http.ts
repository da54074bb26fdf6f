import { type BenchOptions, contendersOf, isAsked, roundsOf } from '../bench-options.js';
import { EXPRESS_LIMITERS } from '../contenders/express-limiters.js';
import { FASTIFY_LIMITERS } from '../contenders/fastify-limiters.js';
import type { HttpSettings } from '../contenders/http-settings.js';
import { inTurn } from '../rounds.js';
import type { Contender } from './http-process.js';
import { type HttpProcess, HttpServer, httpProcess, type Kind } from './http-server.js';
import { findLoad, type Load } from './load.js';
import { printPairs } from './pairs-table.js';

const FRAMEWORKS = { express: Object.keys(EXPRESS_LIMITERS), fastify: Object.keys(FASTIFY_LIMITERS) } as const;
type Framework = keyof typeof FRAMEWORKS;

const SETTINGS: Readonly<Record<Kind, HttpSettings>> = {
  admitted: { limit: 1_000_000, windowMs: 60_000 },
  refused: { limit: 1, windowMs: 3_600_000 },
};

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
  const processes: HttpProcess[] = [];
  const start = (name: string, own: Contender, bare: Contender) => {
    // To see that all runs, one process is enough.
    if (!options.smoke || processes.length === 0) processes.push(httpProcess(framework));
    return HttpServer.start(processes.at(-1)!, name, SETTINGS[kind], own, bare);
  };
  try {
    const ours = await start('tollgate', { limiter: 'tollgate' }, {});
    // All accounts use up what they are granted, so that every later request is refused.
    if (kind === 'refused') await ours.askForAll();
    const constant = await ours.addition(kind);
    const bare: Contender = kind === 'admitted' ? {} : { constant };
    const all = FRAMEWORKS[framework];
    const names = kind === 'admitted' ? all : contendersOf(options, all);
    const floor = await start('bare', bare, bare);
    // The same once more shows how far two that are equal come apart here.
    const contenders = [await start('bare, again', bare, bare)];
    if (kind === 'admitted') contenders.push(await start('constant headers', { constant }, bare));
    for (const limiter of names) {
      const server = await start(limiter, { limiter }, bare);
      if (kind === 'refused') await server.askForAll();
      contenders.push(server);
    }
    const samples = await inTurn(contenders, roundsOf(options, 5), async (contender, round) => {
      // Who goes first changes with the rounds.
      const first = round % 2 === 0 ? floor : contender;
      const second = first === floor ? contender : floor;
      const rates = new Map([
        [first, await first.rate(load, kind)],
        [second, await second.rate(load, kind)],
      ]);
      return { bare: rates.get(floor)!, own: rates.get(contender)!, cpu: await contender.cpu(load, kind) };
    });
    printPairs(title, samples);
  } finally {
    for (const process of processes) await process.end();
  }
}
