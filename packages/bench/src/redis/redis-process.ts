import { Redis } from 'ioredis';
import { accountName } from '../accounts.js';
import { FLOORS, ON_REDIS, type OnRedis, type OnRedisSettings } from '../contenders/on-redis.js';
import { answerTasks } from '../own-process.js';
import { percentile } from '../spread.js';

export type RedisTask =
  | { readonly kind: 'open'; readonly settings: OnRedisSettings }
  | {
      readonly kind: 'decide';
      /** Requests take turns over this many accounts. */
      readonly accounts: number;
      readonly inFlight: number;
      /** Ends after this time, or after this number of decisions. */
      readonly forMs?: number;
      readonly decisions?: number;
    };

export interface RedisAnswer {
  readonly decisions: number;
  readonly admitted: number;
  /** Commands that the given client sent; a contender's own client is not counted. */
  readonly commands: number;
  readonly elapsedMs: number;
  /** Percentiles of single decisions, with one in flight; else 0. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const [name = '', url = '', pipelining] = process.argv.slice(2);

/** Counts the commands that it sends. */
class CountingRedis extends Redis {
  sent = 0;

  override sendCommand(...command: Parameters<Redis['sendCommand']>): ReturnType<Redis['sendCommand']> {
    this.sent++;
    return super.sendCommand(...command);
  }
}

const client = new CountingRedis(url, { enableAutoPipelining: pipelining === 'auto' });
let opened: OnRedis | undefined;

answerTasks<RedisTask>(async (task) => {
  if (task.kind === 'decide') return decide(task);
  await opened?.close?.();
  opened = await (FLOORS[name] ?? ON_REDIS[name]!)(client, url, task.settings);
  return undefined;
});

async function decide(task: Extract<RedisTask, { kind: 'decide' }>): Promise<RedisAnswer> {
  const { accounts, inFlight, forMs = Infinity, decisions = Infinity } = task;
  const { decide } = opened!;
  const elapsed: number[] = [];
  let begun = 0;
  let admitted = 0;
  const sentBefore = client.sent;
  const startedAt = performance.now();
  const endsAt = startedAt + forMs;
  const one = async () => {
    let now = performance.now();
    // Synchronous decisions give no other chance to read the clock.
    while (now < endsAt && begun < decisions) {
      const decided = decide(accountName(begun++ % accounts));
      if (typeof decided === 'boolean' ? decided : await decided) admitted++;
      const decidedAt = performance.now();
      if (inFlight === 1) elapsed.push(decidedAt - now);
      now = decidedAt;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
  const elapsedMs = performance.now() - startedAt;
  const commands = client.sent - sentBefore;
  const [p50Ms, p99Ms] = elapsed.length === 0 ? [0, 0] : [percentile(elapsed, 0.5), percentile(elapsed, 0.99)];
  return { decisions: begun, admitted, commands, elapsedMs, p50Ms, p99Ms };
}
