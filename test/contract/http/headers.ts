import { definePolicy, perMinute, perSecond } from '@tollgate/core';
import { parseList } from 'structured-headers';
import { describe, expect, it } from 'vitest';
import { rawFetch } from './raw.js';
import { type HttpWorld, LEGS } from './world.js';

/** The rate limit headers in each style of the options. */
export function describeHeaders({ limited, memory, start, time }: HttpWorld): void {
  describe('headers', () => {
    const policy = definePolicy({
      quotas: [perSecond(2, { name: 'burst' }), perMinute(10, { name: 'sus"tained' })],
      total: [perMinute(20)],
    });

    it('are by default X-RateLimit-* of the tightest quota', async () => {
      const running = await start({ policy, store: memory() });
      const before = Math.floor(Date.now() / 1000);
      const answer = await rawFetch(running.origin, LEGS);
      const after = Math.ceil(Date.now() / 1000);
      expect(answer.headers).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '1' });
      const reset = Number(answer.headers['x-ratelimit-reset']);
      expect(reset).toBeGreaterThanOrEqual(before + 1);
      expect(reset).toBeLessThanOrEqual(after + 1);
      for (const name of ['ratelimit', 'ratelimit-policy', 'retry-after'])
        expect(answer.headers).not.toHaveProperty(name);
    });

    it('are those of draft 11 on request, as valid Structured Fields', async () => {
      const running = await start({ policy, store: memory(), headers: 'draft-11' });
      await rawFetch(running.origin, LEGS);
      time.now += 300;
      const { headers } = await rawFetch(running.origin, LEGS);
      expect(headers['ratelimit-policy']).toBe('"burst";q=2;w=1,"sus\\"tained";q=10;w=60,"total-per-minute";q=20;w=60');
      expect(headers['ratelimit']).toBe('"burst";r=0;t=1,"sus\\"tained";r=8;t=60,"total-per-minute";r=18;t=60');
      const [burst, sustained] = parseList(headers['ratelimit']!);
      expect(burst![0]).toBe('burst');
      expect([...sustained![1]]).toEqual([
        ['r', 8],
        ['t', 60],
      ]);
      expect(parseList(headers['ratelimit-policy']!)).toHaveLength(3);
      expect(headers).not.toHaveProperty('x-ratelimit-limit');
    });

    it('can be both or none, and Retry-After comes even with none', async () => {
      const both = await start(limited(1, { headers: 'both' }));
      const { headers } = await rawFetch(both.origin, LEGS);
      expect(headers).toHaveProperty('ratelimit');
      expect(headers).toHaveProperty('x-ratelimit-limit');
      const none = await start(limited(1, { headers: false }));
      const admitted = await rawFetch(none.origin, LEGS);
      const refused = await rawFetch(none.origin, LEGS);
      for (const answer of [admitted, refused]) {
        expect(Object.keys(answer.headers).filter((name) => name.includes('ratelimit'))).toEqual([]);
      }
      expect(refused.headers['retry-after']).toBe('60');
    });
  });
}
