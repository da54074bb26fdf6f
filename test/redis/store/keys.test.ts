import { createHash } from 'node:crypto';
import { perMinute, Quota, RateLimiter, Throttle } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { HOSTILE_NAMES } from '../../contract/store/traces.js';
import { counterOf, redisWorld } from '../store-world.js';

const world = redisWorld();

describe('keys', () => {
  it('are named prefix:v1:{account}:category, beside an index of the account', async () => {
    const store = world.store();
    await store.consume('ameyo5m', counterOf(5), 1);
    expect(await world.keys()).toEqual([`${world.prefix}:v1:{ameyo5m}`, `${world.prefix}:v1:{ameyo5m}:legs`]);
    expect(await world.plain.zrange(`${world.prefix}:v1:{ameyo5m}`, '0', '-1')).toEqual(['legs']);
  });

  it('have the whole account as hash tag, no special characters, and a bounded length', async () => {
    const store = world.store();
    const accounts = [...HOSTILE_NAMES, '', 'a}b', '{', '\ud83d\ude00', 'x'.repeat(10_000)];
    for (const account of accounts) {
      for (const name of ['}{', '*', 'n'.repeat(10_000)]) await store.consume(account, counterOf(5, 60_000, name), 1);
    }
    const keys = await world.keys();
    expect(keys.length).toBe(new Set(accounts).size * 4);
    for (const key of keys) {
      const rest = key.slice(world.prefix.length);
      expect(rest).toMatch(/^:v1:\{[A-Za-z0-9._~@*/+%#-]+\}(:[A-Za-z0-9._~@*/+%#-]+)?$/);
      expect(rest.length).toBeLessThan(1200);
    }
  });

  it('all have an expiry from the step that wrote them, and the index outlives its counters', async () => {
    const store = world.store({ client: world.plain });
    const both = [...counterOf(5, 1000), ...counterOf(5, 60_000, '*')];
    const outcome = await store.consume('a', both, 1);
    await store.consume('b', counterOf(2 ** 31 - 1, 2_678_400_000), 300);
    await store.record('c', counterOf(5, 60_000), 3, 1000);
    await store.refund('a', both, 1, outcome);
    await store.consume('a', counterOf(5, 120_000), 1);
    const index = await world.plain.pttl(`${world.prefix}:v1:{a}`);
    for (const key of await world.keys()) {
      const life = await world.plain.pttl(key);
      expect(life).toBeGreaterThan(0);
      if (key.includes('{a}')) expect(life).toBeLessThanOrEqual(index);
    }
    expect(await world.plain.pttl(`${world.prefix}:v1:{a}:legs`)).toBeGreaterThan(119_000);
    expect(await world.plain.pttl(`${world.prefix}:v1:{c}:legs`)).toBeLessThanOrEqual((60_000 * 9) / 8);
  });

  it('get a new expiry often enough to outlive what counts, but not with every charge', async () => {
    const store = world.store();
    const key = `${world.prefix}:v1:{a}:legs`;
    const windowMs = 60_000;
    let renewals = 0;
    let renewedAt = world.clock.nowMs;
    for (let n = 0; n < 400; n++) {
      await store.consume('a', counterOf(1e6, windowMs), 1);
      const life = await world.plain.pttl(key);
      if (life < FOREIGN_MS - 60_000) {
        renewals++;
        renewedAt = world.clock.nowMs;
        expect(life).toBeGreaterThan(windowMs);
      }
      expect(world.clock.nowMs - renewedAt).toBeLessThanOrEqual(windowMs / 8);
      await world.plain.pexpire(key, FOREIGN_MS);
      world.clock.nowMs += (n * 37) % 900;
    }
    expect(renewals).toBeGreaterThan(10);
    expect(renewals).toBeLessThan(60);
  });

  it('are not written by a peek, a refusal, a cost of 0, or a refund or reset without a counter', async () => {
    const store = world.store();
    await store.peek('a', counterOf(5), 1);
    await store.consume('a', counterOf(5), 0);
    await store.consume('a', counterOf(5), 6);
    await store.consume('a', counterOf(0), 1);
    await store.refund('a', counterOf(5), 1, await store.peek('a', counterOf(5), 1));
    await store.reset('a');
    await store.reset('a', 'legs');
    expect(await world.keys()).toEqual([]);
  });

  it('a peek does not extend the expiry', async () => {
    const store = world.store({ client: world.plain });
    await store.consume('a', counterOf(5, 1000), 1);
    const key = `${world.prefix}:v1:{a}:legs`;
    await world.plain.pexpire(key, 500);
    await store.peek('a', counterOf(5, 1000), 1);
    expect(await world.plain.pttl(key)).toBeLessThanOrEqual(500);
  });

  it('are deleted by a reset of their counter or account, and by no other', async () => {
    const store = world.store();
    for (const account of ['a', 'a*', 'b']) {
      for (const name of ['legs', 'bridges', '*']) await store.consume(account, counterOf(5, 60_000, name), 1);
    }
    await store.reset('a', '*');
    const of = (account: string) => `${world.prefix}:v1:{${account}}`;
    expect(await world.keys()).not.toContain(`${of('a')}:*`);
    expect(await world.plain.zrange(of('a'), '0', '-1')).toEqual(['bridges', 'legs']);
    await store.reset('a');
    const left = ['', ':*', ':bridges', ':legs'];
    expect(await world.keys()).toEqual(
      [...left.map((end) => of('a*') + end), ...left.map((end) => of('b') + end)].sort(),
    );
  });

  it('of a limiter with a name begin with it, also where the category is long', async () => {
    const store = world.store();
    const throttle = new Throttle({ afterViolations: 2, withinMs: 60_000, forMs: 60_000, factor: 0.5 });
    const names = ['legs', '*', 'x'.repeat(10_000), 'a'.repeat(120)];
    for (const prefix of ['', '*login/']) {
      for (const name of names) await store.consume('a', counterOf(5, 60_000, prefix + name), 1);
      await store.consume('a', [{ ...counterOf(0, 60_000, `${prefix}legs`)[0]!, throttle }], 1);
    }
    const ends = (await world.keys()).map((key) => key.slice(`${world.prefix}:v1:{a}`.length));
    const of = (prefix: string) => {
      const long = `#${createHash('sha256').update('x'.repeat(10_000), 'utf16le').digest('hex')}`;
      return [...names.slice(0, 2), long, names[3]!].map((end) => `:${prefix}${end}`).concat(`:!${prefix}legs`);
    };
    expect(ends).toEqual(['', ...of(''), ...of('*login/')].sort());
    await store.pardon('a', undefined, 'login');
    expect(await world.keys()).toHaveLength(10);
    await store.reset('a', undefined, 'login');
    expect((await world.keys()).map((key) => key.slice(`${world.prefix}:v1:{a}`.length))).toEqual(
      ['', ...of('')].sort(),
    );
  });

  it('of limiters of several names are reset, refused and throttled apart, also by the deny cache', async () => {
    const store = world.store({ clock: () => world.clock.nowMs });
    const throttle = { afterViolations: 3, withinMs: 60_000, forMs: 60_000, factor: 0.5 };
    const policy = { quotas: [perMinute(1)], total: [perMinute(2)], throttle };
    const [login, plain] = [{ name: 'login' }, {}].map((named) => new RateLimiter({ ...named, policy, store }));
    const charge = { account: 'acme', category: 'legs' };
    const allowed = async (limiter: RateLimiter, times: number) => {
      const decisions: boolean[] = [];
      for (let time = 0; time < times; time++) decisions.push((await limiter.consume(charge)).allowed);
      return decisions;
    };
    expect(await allowed(login!, 4)).toEqual([true, false, false, false]);
    expect(await allowed(plain!, 2)).toEqual([true, false]);
    expect(store.stats().denyCacheHits).toBeGreaterThan(0);
    await login!.reset({ account: 'acme' });
    expect(await allowed(plain!, 1)).toEqual([false]);
    expect(await allowed(login!, 2)).toEqual([true, false]);
    await plain!.reset(charge);
    expect(await allowed(plain!, 2)).toEqual([true, false]);
    expect((await world.keys()).map((key) => key.slice(`${world.prefix}:v1:{acme}`.length))).toEqual(
      expect.arrayContaining(['', ':*', ':*login/*', ':*login/legs', ':legs']),
    );
    for (const limiter of [login!, plain!]) await limiter.close();
  });

  it('of thousands of counters of one account are all deleted by its reset', async () => {
    const store = world.store();
    await Promise.all(Array.from({ length: 1200 }, (_, n) => store.consume('a', counterOf(5, 60_000, `c${n}`), 1)));
    expect((await world.keys()).length).toBe(1201);
    await store.reset('a');
    expect(await world.keys()).toEqual([]);
  });

  it('stay in the index while they matter, however long that is', async () => {
    const store = world.store();
    for (let n = 0; n < 40; n++) {
      await store.consume('a', counterOf(5, 1000), 1);
      await store.consume('a', counterOf(5, 1000, `passing${n}`), 1);
      world.clock.nowMs += 500;
    }
    const names = await world.plain.zrange(`${world.prefix}:v1:{a}`, '0', '-1');
    expect(names).toContain('legs');
    expect(names).toContain('passing39');
    expect(names).not.toContain('passing0');
    expect(names.length).toBeLessThan(15);
  });

  it('that hold something else fail only the charges of their counters', async () => {
    const store = world.store();
    const key = (account: string) => `${world.prefix}:v1:{${account}}:legs`;
    await world.plain.lpush(key('list'), 'x');
    await world.plain.set(key('text'), 'x');
    await world.plain.set(key('later'), `\x02${'x'.repeat(60)}`);
    await store.consume('cut', counterOf(5), 1);
    await world.plain.append(key('cut'), 'x');
    const charges = ['list', 'text', 'later', 'cut', 'fine'].map((account) => store.consume(account, counterOf(5), 1));
    const settled = await Promise.allSettled(charges);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected', 'fulfilled']);
    expect((settled[0] as PromiseRejectedResult).reason).toMatchObject({
      code: 'TOLLGATE_STORE_FAILED',
      charged: 'no',
    });
    expect(await world.plain.lrange(key('list'), 0, -1)).toEqual(['x']);
  });

  it('have at most `slices` slices, whatever the limit', async () => {
    const store = world.store();
    const counters = [{ name: 'legs', quotas: [new Quota({ limit: 1_000_000, windowMs: 60_000 })] }];
    for (let n = 0; n < 400; n++) {
      await store.consume('a', counters, 1);
      world.clock.nowMs += 150;
    }
    expect(await world.plain.strlen(`${world.prefix}:v1:{a}:legs`)).toBeLessThan(22 + 13 + 129 * 5 + 1);
  });
});

/** An expiry that no charge sets. */
const FOREIGN_MS = 50_000_000;
