import { perMinute, RateLimiter } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { collectWarnings } from '../../warnings.js';
import { type HttpWorld, LEGS } from './world.js';

/** Mounts that limit nothing, or twice. */
export function describeMounts({ limited, memory, start, startAll, statuses }: HttpWorld): void {
  describe('a mount', () => {
    it('of a limiter that has counted the request already is reported once', async () => {
      const warnings = collectWarnings();
      const name = `twice-${Math.random()}`;
      for (let started = 0; started < 2; started++) {
        const limiter = new RateLimiter({ name, policy: { quotas: [perMinute(4)] }, store: memory() });
        const running = await startAll([{ limiter }, { limiter }]);
        expect(await statuses(running, [LEGS, LEGS, LEGS])).toEqual([200, 200, 429]);
      }
      expect(await warnings()).toEqual([
        expect.stringContaining(`TOLLGATE_COUNTED_TWICE The limiter ${name} has counted one request twice`),
      ]);
    });

    it('of a limiter that has counted one of several charges already is reported once', async () => {
      const warnings = collectWarnings();
      const name = `several-${Math.random()}`;
      const limiter = new RateLimiter({
        name,
        policy: { quotas: [perMinute(9)] },
        store: memory(),
      });
      const mount = { limiter, category: 'login' };
      const charges = () => [{ account: 'a' }, { account: 'ameyo5m' }];
      const other = { limiter, charges: () => [{ account: 'a', category: 'x' }, { account: 'b' }] };
      await statuses(await startAll([other, mount]), [LEGS]);
      expect(await warnings()).toEqual([]);
      await statuses(await startAll([{ ...mount, charges }, mount]), [LEGS, LEGS]);
      expect(await warnings()).toEqual([
        expect.stringContaining(`TOLLGATE_COUNTED_TWICE The limiter ${name} has counted one request twice`),
      ]);
    });

    it('of a limiter on a request that it refuses, or that another limiter counts, is no mistake', async () => {
      const warnings = collectWarnings();
      const limiter = () => new RateLimiter({ policy: { quotas: [perMinute(4)] }, store: memory() });
      const one = limiter();
      await statuses(await startAll([{ limiter: one }, { limiter: limiter() }, limited(4)]), [LEGS, LEGS]);
      await statuses(await startAll([{ limiter: one }, { limiter: one, category: 'all' }]), [LEGS, LEGS]);
      await statuses(await startAll([{ limiter: one }, { limiter: one, account: 'address' }]), [LEGS, LEGS]);
      expect(await warnings()).toEqual([]);
    });

    it('of a limiter that is made in each handler is reported once, from the second on', async () => {
      const warnings = collectWarnings();
      const name = `per-request-${Math.random()}`;
      const policy = { quotas: [perMinute(1)] };
      const make = (made: string) => new RateLimiter({ name: made, policy }).close();
      make(name);
      make(name);
      const running = await start(limited(9), {
        beforeAnswer: ({ headers }) => {
          for (const made of String(headers['x-make'] ?? '').split(',')) if (made !== '') make(made);
        },
      });
      await statuses(running, [LEGS], [`X-Make: ${name}`]);
      await statuses(running, [LEGS], [`X-Make: ${name}-late`]);
      expect(await warnings()).toEqual([]);
      await statuses(running, [LEGS, LEGS], [`X-Make: ${name}`]);
      expect(await warnings()).toEqual([
        expect.stringContaining(`TOLLGATE_MADE_PER_REQUEST A limiter ${name} is made again for each request`),
      ]);
    });
  });
}
