import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { accountName } from '../accounts.js';
import { type BenchOptions, isAsked } from '../bench-options.js';
import { figure, printTable } from '../table.js';
import type { RedisContender } from './redis-contender.js';

/**
 * What a decision takes of the server, by `INFO commandstats`, and an account, by `MEMORY USAGE` of all its keys. Every
 * account makes 100 requests, in five bursts of 20, so that all are admitted by 100 in a minute and 20 in a second.
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
    // More accounts than are under way, so that no two charges of a call are alike.
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

/** Commands that a script calls are counted beside it, but are part of its time already. */
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
