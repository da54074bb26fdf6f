import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { accountName } from '../accounts.js';
import { type BenchOptions, isAsked } from '../bench-options.js';
import { figure, printTable } from '../table.js';
import type { RedisContender } from './redis-contender.js';

/**
 * Measures the server time of a decision with `INFO commandstats`, and the bytes of an account with `MEMORY USAGE` of
 * all its keys. Each account sends 100 requests in 5 bursts of 20, so 100 a minute and 20 a second admit all of them.
 */
export async function measureServerCost(
  all: readonly RedisContender[],
  client: Redis,
  prefix: string,
  options: BenchOptions,
): Promise<void> {
  const title = 'Redis, server time: µs per decision, and bytes of an account after 100 requests';
  if (!isAsked(options, title)) return;
  const contenders = all.filter(({ pipelines, limiter }) => !pipelines && limiter !== 'PING');
  const bursts = options.smoke ? 1 : 5;
  const costs = new Map<RedisContender, number[]>(contenders.map((contender) => [contender, []]));
  let bytes = new Map<RedisContender, number>();
  for (const inFlight of [1, 512]) {
    const own = `${prefix}:c${inFlight}`;
    // More accounts than requests in flight, so that no call contains equal charges.
    const accounts = options.smoke ? 5 : inFlight === 1 ? 100 : 1000;
    const usec = new Map<RedisContender, number>();
    for (const contender of contenders) {
      await contender.open({ limit: 100, windowMs: 60_000, perSecond: 20, prefix: own });
    }
    for (let burst = 0; burst < bursts; burst++) {
      if (burst > 0) await sleep(1010);
      for (const contender of contenders) {
        await client.config('RESETSTAT');
        await contender.decide({ accounts, inFlight, decisions: 20 * accounts });
        usec.set(contender, (usec.get(contender) ?? 0) + (await scriptUsec(client)));
      }
    }
    for (const contender of contenders) costs.get(contender)!.push(usec.get(contender)! / (20 * bursts * accounts));
    bytes = await bytesOf(contenders, client, own);
  }
  printTable(
    title,
    ['', '1 in flight', '512 in flight', 'bytes'],
    contenders.map((contender) => [
      contender.name,
      ...costs.get(contender)!.map(figure),
      contender.isFloor ? undefined : figure(bytes.get(contender)!),
    ]),
  );
}

/** The server time of scripts only. It includes the commands that they call, which have entries of their own. */
export async function scriptUsec(client: Redis): Promise<number> {
  const stats = await client.info('commandstats');
  let usec = 0;
  for (const [, spent] of stats.matchAll(/^cmdstat_(?:eval|evalsha|fcall):calls=\d+,usec=(\d+)/gm))
    usec += Number(spent);
  return usec;
}

async function bytesOf(
  contenders: readonly RedisContender[],
  client: Redis,
  prefix: string,
): Promise<Map<RedisContender, number>> {
  const bytes = new Map<RedisContender, number>();
  for (const contender of contenders) {
    let sum = 0;
    const match = `${prefix}:plain:${contender.limiter}:*${accountName(0)}*`;
    for await (const keys of client.scanStream({ match, count: 1000 })) {
      for (const key of keys as string[]) sum += Number(await client.call('MEMORY', 'USAGE', key));
    }
    bytes.set(contender, sum);
  }
  return bytes;
}
