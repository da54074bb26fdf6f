import { perMinute, perSecond, Quota, RateLimiter } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';
import type { Redis } from 'ioredis';

/** Decisions per second from one process, with so many under way, beside a bare script; rounds of all in turn. */
export async function measureThroughput(client: Redis): Promise<void> {
  const store = new RedisStore({ client, prefix: `bench:${process.pid}:t`, timeoutMs: 5000 });
  const bare = (await client.script('LOAD', 'return 1')) as string;
  const quotas = (limit: number) => [
    { name: 'legs', quotas: [new Quota({ limit, windowMs: 60_000 }), new Quota({ limit, windowMs: 1000 })] },
  ];
  const roomy = quotas(1_000_000_000);
  const full = quotas(0);
  const policy = { quotas: [perMinute(1_000_000_000), perSecond(1_000_000_000)] };
  const limiter = new RateLimiter({ policy, store });
  const work: [string, (n: number) => unknown][] = [
    ['EVALSHA of return 1', (n) => client.evalsha(bare, 0).then(() => n)],
    ['distinct accounts', (n) => store.consume(`a${n % 20_000}`, roomy, 1)],
    ['the same by a limiter', (n) => limiter.consume({ account: `l${n % 20_000}`, category: 'legs' })],
    ['one hot account', () => store.consume('hot', roomy, 1)],
    ['one refused account', () => store.consume('full', full, 1)],
  ];
  console.log('\nRedis: decisions per second from one process, two quotas, median of 5 rounds (least to most)\n');
  for (const inFlight of [1, 64, 512]) {
    const rates = work.map((): number[] => []);
    for (let round = 0; round < 6; round++) {
      for (const [at, [, act]] of work.entries()) {
        const rate = await rateOf(act, inFlight);
        // The first round warms up.
        if (round > 0) rates[at]!.push(rate);
      }
    }
    for (const [at, [name]] of work.entries()) {
      const sorted = rates[at]!.sort((a, b) => a - b);
      const [least, median, most] = [sorted[0]!, sorted[2]!, sorted.at(-1)!].map((rate) => Math.round(rate));
      const ratio = (median! / [...rates[0]!].sort((a, b) => a - b)[2]!).toFixed(2);
      console.log(
        `  ${String(inFlight).padStart(3)} in flight  ${name.padEnd(22)} ${String(median).padStart(9)} /s  ${ratio.padStart(7)} of the bare script  (${least} to ${most})`,
      );
    }
  }
  await limiter.close();
  await store.close();
}

async function rateOf(act: (n: number) => unknown, inFlight: number): Promise<number> {
  let n = 0;
  const startedAt = performance.now();
  const endsAt = startedAt + ROUND_MS;
  const one = async () => {
    // What is decided at once would never let the clock be looked at otherwise than here.
    while (performance.now() < endsAt) await act(n++);
  };
  await Promise.all(Array.from({ length: inFlight }, one));
  return (n / (performance.now() - startedAt)) * 1000;
}

const ROUND_MS = 500;
