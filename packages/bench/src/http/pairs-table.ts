import { ratios, spreadOf } from '../spread.js';
import { figure, printTable, spreadCells } from '../table.js';
import type { HttpSample, HttpServer } from './http-server.js';

/** A contender's run and the bare framework's right beside it. */
export interface Pair {
  readonly bare: HttpSample;
  readonly own: HttpSample;
}

/**
 * Two shares of bare: of its requests per second, with client and server on the same cores, and of what its processor could
 * answer if it did nothing else, which is by how much the processor time of one request has grown.
 */
export function printPairs(title: string, pairs: ReadonlyMap<HttpServer, readonly Pair[]>): void {
  const all = [...pairs.values()].flat();
  const median = (samples: readonly HttpSample[], of: keyof HttpSample) =>
    figure(spreadOf(samples.map((sample) => sample[of])).median);
  const bare = all.map((pair) => pair.bare);
  printTable(
    title,
    ['', 'requests/s', 'of bare', 'least to most', 'CPU µs', 'of bare, by CPU', 'least to most'],
    [
      ['bare', median(bare, 'perSecond'), undefined, undefined, median(bare, 'cpuUs'), undefined, undefined],
      ...[...pairs].map(([{ name }, samples]) => {
        const own = samples.map((pair) => pair.own);
        const beside = samples.map((pair) => pair.bare);
        const values = (of: readonly HttpSample[], key: keyof HttpSample) => of.map((sample) => sample[key]);
        return [
          name,
          median(own, 'perSecond'),
          ...spreadCells(ratios(values(own, 'perSecond'), values(beside, 'perSecond'))),
          median(own, 'cpuUs'),
          ...spreadCells(ratios(values(beside, 'cpuUs'), values(own, 'cpuUs'))),
        ];
      }),
    ],
  );
}
