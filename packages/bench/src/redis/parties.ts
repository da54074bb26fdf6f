import { type BenchOptions, isAsked, roundsOf } from '../bench-options.js';
import { type Also, OURS } from '../contenders/on-redis.js';
import { inTurn } from '../rounds.js';
import { ratios, spreadOf } from '../spread.js';
import { printTable, spreadCells } from '../table.js';
import { RedisContender } from './redis-contender.js';

/** Decisions per second of Tollgate with subjects and with a `service`, beside the same without. */
export async function measureParties(url: string, prefix: string, options: BenchOptions): Promise<void> {
  const title = 'Redis, 512 in flight: service and subjects, beside the same without';
  if (!isAsked(options, title)) return;
  const rows = ROWS.map((row) => ({ ...row, contender: new RedisContender(OURS, url, false) }));
  try {
    for (const [index, { contender, also }] of rows.entries()) {
      const limit = NEVER_REACHED;
      const settings = { limit, windowMs: 60_000, perSecond: limit, prefix: `${prefix}:p${index}` };
      await contender.open({ ...settings, ...(also && { also }) });
    }
    const samples = await inTurn(rows, roundsOf(options, 5), async ({ contender, accounts }) => {
      const work = { accounts, inFlight: 512, forMs: options.smoke ? 20 : 400 };
      const { decisions, elapsedMs } = await contender.decide(work);
      return (decisions / elapsedMs) * 1000;
    });
    printTable(
      title,
      ['', 'decisions/s', 'least to most', 'times without', 'least to most'],
      rows.map((row) => {
        const without = rows.find(({ accounts, also }) => accounts === row.accounts && also === undefined)!;
        const own = samples.get(row)!;
        return [row.name, ...spreadCells(spreadOf(own)), ...spreadCells(ratios(own, samples.get(without)!))];
      }),
    );
  } finally {
    for (const { contender } of rows) await contender.end();
  }
}

const NEVER_REACHED = 1_000_000_000;

const ROWS: readonly { readonly name: string; readonly accounts: number; readonly also?: Also }[] = [
  { name: '20,000 distinct accounts', accounts: 20_000 },
  { name: '20,000 distinct, service', accounts: 20_000, also: 'service' },
  { name: '20,000 distinct, a leg each', accounts: 20_000, also: 'subject' },
  { name: 'one hot account', accounts: 1 },
  { name: 'one hot account, service', accounts: 1, also: 'service' },
];
