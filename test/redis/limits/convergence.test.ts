import { perMinute } from '@tollgate/core';
import { RedisLimits } from '@tollgate/redis';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { all, limitOf, limitsWorld, msUntil } from './world.js';

const world = limitsWorld();

const account = fc.constantFrom('ameyo5m', 'acme', '__proto__', '\ud800', 'n'.repeat(300));
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('set' as const), account, limit: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), account }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('suspend' as const, 'resume' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('loseLog' as const, 'pause' as const, 'flush' as const) }),
  },
);
const script = fc.array(fc.record({ writer: fc.nat(1), step }), { minLength: 1, maxLength: 30 });

it('after any changes by two writers, and any losses, all processes have the limits on Redis', async () => {
  await world.start();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      const prefix = `run-${run++}`;
      const client = world.client();
      const options = { client, prefix, refreshMs: 50, timeoutMs: 5000 };
      const all4 = [0, 1, 2].map(() => new RedisLimits(options));
      const [first, second] = all4 as [RedisLimits, RedisLimits];
      let under: Promise<unknown>[] = [];
      for (const { writer, step } of steps) {
        const limits = writer === 0 ? first : second;
        switch (step.kind) {
          case 'set':
            under.push(limits.set(step.account, { categories: { legs: [perMinute(step.limit)] } }));
            break;
          case 'delete':
            under.push(limits.delete(step.account));
            break;
          case 'suspend':
            under.push(limits.suspend({ by: String(under.length) }));
            break;
          case 'resume':
            under.push(limits.resume());
            break;
          case 'loseLog':
            await world.redis.del(`${prefix}:limits:{v1}:log`);
            break;
          case 'flush':
            await world.redis.del(`${prefix}:limits:{v1}`);
            break;
          case 'pause':
            await Promise.all(under);
            under = [];
        }
      }
      await Promise.all(under);
      // A flush at the end leaves the last loaded limits. One more change starts over.
      await first.set('last', { quotas: 'unlimited' });
      const { version } = first.state();
      await msUntil(() => all4.every((limits) => limits.state().version === version));
      const newcomer = new RedisLimits(options);
      await newcomer.ready();
      const listed = await all(newcomer);
      const since = newcomer.suspension?.since;
      for (const limits of [...all4, newcomer]) {
        expect(limits.state().accounts).toBe(listed.length);
        expect(limits.suspension?.since).toBe(since);
        for (const { account, layer } of listed) {
          const quotas = layer.categories?.['legs'] as { limit: number }[] | undefined;
          expect(limitOf(limits, account)).toBe(quotas?.[0]?.limit);
        }
        await limits.close();
      }
      client.disconnect();
    }),
    { numRuns: 40 },
  );
}, 120_000);
