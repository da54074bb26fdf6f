import { type Decision, perMinute, RateLimiter } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { RunningServer } from '../../redis-servers/standalone.js';
import { pause, TIMEOUT_MS } from './world.js';

let server: RunningServer;
beforeAll(async () => {
  server = await RunningServer.start();
});
afterAll(() => server.stop());

/** Keeps the process busy for longer than a charge may wait. */
function stall(): void {
  const until = performance.now() + 2 * TIMEOUT_MS;
  while (performance.now() < until);
}

function world() {
  const store = new RedisStore({ url: server.url, timeoutMs: TIMEOUT_MS });
  const limiter = new RateLimiter({ policy: { quotas: [perMinute(1_000_000)] }, store });
  let outages = 0;
  limiter.on('health', ({ state }) => {
    if (state !== 'up') outages++;
  });
  onTestFinished(async () => {
    await limiter.close();
    await store.close();
  });
  const consume = (account: number) => limiter.consume({ account: `a${account}`, category: 'legs' });
  const tenAccounts = () => Array.from({ length: 10 }, (_, account) => consume(account));
  /** Every decision was made by Redis, and no failure was counted. */
  const check = async (charges: Iterable<Decision | Promise<Decision>>) => {
    const decisions = await Promise.all(charges);
    expect(decisions.filter(({ source }) => source !== 'store')).toEqual([]);
    expect([outages, limiter.health().failures]).toEqual([0, 0]);
  };
  return { consume, tenAccounts, check };
}

describe('a stall of the process is not blamed on Redis', () => {
  it('in the tick of the charges', async () => {
    const { tenAccounts, check } = world();
    await check(tenAccounts());
    for (let round = 0; round < 20; round++) {
      const charges = tenAccounts();
      stall();
      await check(charges);
    }
  });

  it('while calls are in flight, and charges of their account wait for them', async () => {
    const { consume, tenAccounts, check } = world();
    await check(tenAccounts());
    for (let round = 0; round < 20; round++) {
      const charges = [consume(0)];
      await new Promise((resolve) => setImmediate(resolve));
      charges.push(...tenAccounts(), ...tenAccounts());
      stall();
      await check(charges);
    }
  });

  it('again and again while charges wait', async () => {
    const { tenAccounts, check } = world();
    await check(tenAccounts());
    const charges = [];
    for (let round = 0; round < 20; round++) {
      charges.push(...tenAccounts());
      stall();
      await pause(20);
    }
    await check(charges);
  });

  it('while the store connects', async () => {
    for (let round = 0; round < 10; round++) {
      const { tenAccounts, check } = world();
      const charges = tenAccounts();
      stall();
      await check(charges);
    }
  });
});
