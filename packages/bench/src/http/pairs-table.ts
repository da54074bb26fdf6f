import { ratios, spreadOf } from '../spread.js';
import { figure, printTable, spreadCells } from '../table.js';
import type { HttpServer } from './http-server.js';

/** Of one round. */
export interface Pair {
  /** Requests per second, each in a process of its own, one right after the other. */
  readonly bare: number;
  readonly own: number;
  /** Processor time of one request in µs, in one process by turns. */
  readonly cpu: { readonly bare: number; readonly own: number };
}

/**
 * Two shares of bare: of its requests per second, and of those that its processor could answer if it did nothing else, which
 * is by how much the processor time of one request grows.
 */
export function printPairs(title: string, pairs: ReadonlyMap<HttpServer, readonly Pair[]>): void {
  const all = [...pairs.values()].flat();
  const median = (values: readonly number[]) => figure(spreadOf(values).median);
  const rate = median(all.map(({ bare }) => bare));
  const cpuUs = median(all.map(({ cpu }) => cpu.bare));
  printTable(
    title,
    ['', 'requests/s', 'of bare', 'least to most', 'CPU µs', 'of bare, by CPU', 'least to most'],
    [
      ['bare', rate, undefined, undefined, cpuUs, undefined, undefined],
      ...[...pairs].map(([{ name }, samples]) => {
        const own = samples.map((sample) => sample.own);
        const ownCpuUs = samples.map(({ cpu }) => cpu.own);
        const rateShare = ratios(
          own,
          samples.map((sample) => sample.bare),
        );
        const cpuShare = ratios(
          samples.map(({ cpu }) => cpu.bare),
          ownCpuUs,
        );
        return [name, median(own), ...spreadCells(rateShare), median(ownCpuUs), ...spreadCells(cpuShare)];
      }),
    ],
  );
}
