import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { MemoryStore, perHour, RateLimiter } from '@tollgate/core';
import { describe, expect, it, vi } from 'vitest';
import { FailingStore } from '../failing-store.js';
import { CHARGE, failingWorld, fakeTime, pass } from '../failing-world.js';

describe('close', () => {
  fakeTime();

  it('decides all pending charges, stops every timer, and refuses later calls', async () => {
    const { consume, limiter, store } = failingWorld();
    store.manner = 'unknown';
    for (let times = 0; times < 4; times++) await consume();
    store.manner = 'hang';
    const waiting = [consume(), Promise.resolve(limiter.peek(CHARGE))];
    const reset = Promise.resolve(limiter.reset(CHARGE as never));
    const failed = expect(reset).rejects.toMatchObject({ code: 'TOLLGATE_STORE_FAILED', charged: 'unknown' });
    await pass(0);
    await limiter.close();
    expect(await Promise.all(waiting)).toMatchObject([{ source: 'local' }, { source: 'local' }]);
    await failed;
    expect(vi.getTimerCount()).toBe(0);
    expect(() => limiter.consume(CHARGE)).toThrow(expect.objectContaining({ code: 'TOLLGATE_CLOSED' }));
    expect(limiter.health()).toMatchObject({ state: 'up', failures: 4 });
  });

  it('stops the probes, and leaves given stores open', async () => {
    const { goDown, limiter, local, store } = failingWorld();
    await goDown();
    limiter.close();
    await pass(60_000);
    expect(store.asked).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
    expect(local.stats().counters).toBeGreaterThanOrEqual(0);
    expect(store.memory.stats().counters).toBe(0);
  });

  it('ignores answers that come afterwards', async () => {
    const store = new FailingStore();
    const limiter = new RateLimiter({ policy: { quotas: [perHour(1)], onStoreFailure: 'deny' }, store });
    store.manner = 'hold';
    const decision = limiter.consume(CHARGE);
    await pass(0);
    limiter.close();
    expect(await decision).toMatchObject({ allowed: false, reason: 'store-unavailable' });
    store.manner = 'well';
    store.release();
    await pass(1000);
    expect(store.memory.peek('ameyo5m', [{ name: 'legs', quotas: [perHour(1)] }], 0).used).toEqual([0]);
  });

  it('leaves receipts that other limiters on the store accept', async () => {
    const store = new FailingStore();
    const policy = { quotas: [perHour(2)] };
    const limiter = new RateLimiter({ policy, store });
    const other = new RateLimiter({ policy, store });
    const { receipt } = await limiter.consume(CHARGE);
    limiter.close();
    expect(await other.refund(receipt!)).toBe(true);
    expect(await other.peek(CHARGE)).toMatchObject({ quotas: [{ used: 0 }] });
  });

  it('keeps no timer for answered calls', async () => {
    const { consume } = failingWorld({ quotas: [perHour(10_000)] });
    for (let times = 0; times < 1000; times++) await consume();
    expect(vi.getTimerCount()).toBe(1);
    await pass(200);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a process', () => {
  const run = (program: string) =>
    promisify(execFile)(process.execPath, ['--input-type=module', '--eval', PREFACE + program], {
      cwd: new URL('../../..', import.meta.url).pathname,
      timeout: 10_000,
    });
  const PREFACE = `
    import { perMinute, RateLimiter } from '@tollgate/core';
    process.on('unhandledRejection', (error) => { console.log('unhandled', error); process.exitCode = 1; });
    const policy = { quotas: [perMinute(3)] };
    const charge = { account: 'ameyo5m', category: 'legs' };
    const storeOf = (answer) => ({ consume: answer, peek: answer, refund: answer, reset: answer, record: answer, close() {} });
  `;

  it('stays alive for a pending decision, and then ends', async () => {
    const began = performance.now();
    const { stdout } = await run(`
      const limiter = new RateLimiter({ policy, store: storeOf(() => new Promise(() => {})) });
      for (let times = 0; times < 7; times++) console.log((await limiter.consume(charge)).source);
    `);
    expect(stdout.trim().split('\n')).toEqual(Array(7).fill('local'));
    expect(performance.now() - began).toBeLessThan(9000);
  });

  it('gets no unhandled rejection, however late the store fails', async () => {
    const { stdout } = await run(`
      const late = () => new Promise((_, reject) => setTimeout(reject, 50, new Error('late')));
      const answers = [late, () => Promise.reject(), () => { throw new Error('at once'); }, async () => 'garbage'];
      for (const answer of answers) {
        for (const onStoreFailure of ['local', 'allow', 'deny']) {
          const limiter = new RateLimiter({ policy: { ...policy, onStoreFailure }, store: storeOf(answer), timeoutMs: 10 });
          limiter.on('health', () => Promise.reject(new Error('of a listener')));
          for (let times = 0; times < 7; times++) {
            const { receipt } = await limiter.consume(charge);
            if (receipt) await limiter.refund(receipt);
            await limiter.peek(charge);
          }
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
      console.log('well');
    `);
    expect(stdout).toBe('well\n');
  });

  it('that was busy does not count its own delay as a timeout of the store', async () => {
    const { stdout } = await run(`
      import { createServer, connect } from 'node:net';
      // The answer arrives in time, but this process is busy and reads it late.
      const busy = () => { const until = performance.now() + 200; while (performance.now() < until); };
      const server = createServer((far) => far.on('data', () => { far.write('x'); busy(); })).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const socket = connect(server.address().port, '127.0.0.1');
      await new Promise((resolve) => socket.once('connect', resolve));
      const outcome = { allowed: true, now: 1, used: [1], resetAfterMs: [1], retryAfterMs: 0 };
      const store = storeOf(() => new Promise((resolve) => {
        socket.once('data', () => resolve(outcome));
        socket.write('x');
      }));
      const limiter = new RateLimiter({ policy, store, timeoutMs: 20 });
      const decision = limiter.consume(charge);
      console.log((await decision).source);
      socket.end();
      server.close();
    `);
    expect(stdout).toBe('store\n');
  });
});

describe('the memory store', () => {
  it('is called directly, and decides at once', () => {
    const store = new MemoryStore();
    const limiter = new RateLimiter({ policy: { quotas: [perHour(1)] }, store, timeoutMs: 1 });
    expect(limiter.consume(CHARGE)).toMatchObject({ allowed: true, source: 'store' });
    expect(limiter.consume(CHARGE)).toMatchObject({ allowed: false, source: 'store' });
  });

  it('with overridden methods that return promises is awaited like any other', async () => {
    class SlowStore extends MemoryStore {
      override consume(...charge: Parameters<MemoryStore['consume']>) {
        return Promise.resolve(super.consume(...charge)) as never;
      }
    }
    const limiter = new RateLimiter({ policy: { quotas: [perHour(1)] }, store: new SlowStore() });
    expect(await limiter.consume(CHARGE)).toMatchObject({ allowed: true, source: 'store' });
    expect(await limiter.consume(CHARGE)).toMatchObject({ allowed: false, source: 'store' });
  });
});
