import { type BenchOptions, contendersOf, isAsked, roundsOf } from '../bench-options.js';
import { EXPRESS_LIMITERS } from '../contenders/express-limiters.js';
import { FASTIFY_LIMITERS } from '../contenders/fastify-limiters.js';
import type { HttpSettings } from '../contenders/http-settings.js';
import { inTurn } from '../rounds.js';
import { ratios, spreadOf } from '../spread.js';
import { figure, printTable, spreadCells } from '../table.js';
import type { Contender } from './http-process.js';
import { type HttpProcess, HttpServer, httpProcess, type Kind } from './http-server.js';
import { findLoad, type Load } from './load.js';

const FRAMEWORKS = { express: Object.keys(EXPRESS_LIMITERS), fastify: Object.keys(FASTIFY_LIMITERS) } as const;
type Framework = keyof typeof FRAMEWORKS;

const SETTINGS: Readonly<Record<Kind, HttpSettings>> = {
  admitted: { limit: 1_000_000, windowMs: 60_000 },
  refused: { limit: 1, windowMs: 3_600_000 },
};

/** Measures whole requests over loopback, each limiter directly before or after the bare framework. */
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
    // One process is enough for a smoke run.
    if (!options.smoke || processes.length === 0) processes.push(httpProcess(framework));
    return HttpServer.start(processes.at(-1)!, name, SETTINGS[kind], own, bare);
  };
  try {
    const ours = await start('tollgate', { limiter: 'tollgate' }, {});
    // Each account reaches its limit of 1, so that every later request is refused.
    if (kind === 'refused') await ours.requestAll();
    const constant = await ours.addition(kind);
    const bare: Contender = kind === 'admitted' ? {} : { constant };
    const all = FRAMEWORKS[framework];
    const names = kind === 'admitted' ? all : contendersOf(options, all);
    const floor = await start('bare', bare, bare);
    // Shows how much two equal contenders differ on this machine.
    const contenders = [await start('bare, again', bare, bare)];
    if (kind === 'admitted') contenders.push(await start('constant headers', { constant }, bare));
    for (const limiter of names) {
      const server = await start(limiter, { limiter }, bare);
      if (kind === 'refused') await server.requestAll();
      contenders.push(server);
    }
    const samples = await inTurn(contenders, roundsOf(options, 5), async (contender, round) => {
      // The order changes with each round.
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

/** The samples of one round. */
interface Pair {
  /** Requests per second, measured one after the other, each in a process of its own. */
  readonly bare: number;
  readonly own: number;
  /** CPU time of one request in µs, measured by turns in one process. */
  readonly cpu: { readonly bare: number; readonly own: number };
}

/** Prints two shares of bare: of its requests per second, and of its requests per second of CPU time. */
function printPairs(title: string, pairs: ReadonlyMap<HttpServer, readonly Pair[]>): void {
  const all = [...pairs.values()].flat();
  const median = (values: readonly number[]) => figure(spreadOf(values).median);
  const rate = median(all.map(({ bare }) => bare));
  const cpuUs = median(all.map(({ cpu }) => cpu.bare));
  const rows = [...pairs].map(([{ name }, samples]) => {
    const own = samples.map((sample) => sample.own);
    const bare = samples.map((sample) => sample.bare);
    const ownCpuUs = samples.map(({ cpu }) => cpu.own);
    const bareCpuUs = samples.map(({ cpu }) => cpu.bare);
    const [rateShare, cpuShare] = [ratios(own, bare), ratios(bareCpuUs, ownCpuUs)];
    return [name, median(own), ...spreadCells(rateShare), median(ownCpuUs), ...spreadCells(cpuShare)];
  });
  printTable(
    title,
    ['', 'requests/s', 'of bare', 'least to most', 'CPU µs', 'of bare, by CPU', 'least to most'],
    [['bare', rate, undefined, undefined, cpuUs, undefined, undefined], ...rows],
  );
}
