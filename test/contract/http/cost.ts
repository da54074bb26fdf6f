import { describe, expect, it } from 'vitest';
import { collectWarnings } from '../../warnings.js';
import { rawFetch } from './raw.js';
import { type HttpWorld, LEGS } from './world.js';

/** Costs that a client chooses, and costs that are missing. */
export function describeCost({ limited, start, statuses }: HttpWorld): void {
  describe('a cost from a function', () => {
    const BODY =
      '{"request_id":"me","http_code":400,"response":{"error":{"code":"INVALID_COST","message":"The cost of the request is invalid."}}}';
    const bad: readonly unknown[] = [1.5, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '2', 2n, {}, true];

    it.each(bad)('that is %s is answered by 400 in the shape of the envelope, and takes nothing', async (cost) => {
      const running = await start(
        limited(1, { cost: ({ headers }) => (headers['x-bad'] === undefined ? 1 : (cost as number)) }),
        { errorHandler: true },
      );
      const answer = await rawFetch(running.origin, LEGS, { headers: ['X-Bad: 1', 'X-Request-Id: me'] });
      expect([answer.status, answer.body]).toEqual([400, BODY]);
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(answer.headers['content-length']).toBe(String(BODY.length));
      expect(await statuses(running, [LEGS, LEGS])).toEqual([200, 429]);
    });

    it('may be async, and bad all the same', async () => {
      const running = await start(limited(1, { cost: async () => -1 }), { errorHandler: true });
      expect(await statuses(running, [LEGS, LEGS])).toEqual([400, 400]);
    });

    it("that is bad reaches the error handler with onBadCost: 'error', and no other word is allowed", async () => {
      const running = await start(limited(1, { cost: () => 1.5, onBadCost: 'error' }), { errorHandler: true });
      const { status, body } = await rawFetch(running.origin, LEGS);
      expect([status, body]).toEqual([
        500,
        'own handler: Expected `cost` to be an integer from 0 to 2147483647, got 1.5',
      ]);
      await expect(start(limited(1, { onBadCost: 'ignore' as never }))).rejects.toThrow(/`rateLimit.onBadCost`/);
    });

    it('that is undefined counts 1 and is reported once; null counts 1', async () => {
      const warnings = collectWarnings();
      const name = `no-cost-${Math.random()}`;
      const body = (request: object) => (request as { body?: { n: number } }).body;
      for (let started = 0; started < 2; started++) {
        const running = await start(limited(2, { name, cost: (request) => body(request)?.n }));
        expect(await statuses(running, [LEGS, LEGS, LEGS])).toEqual([200, 200, 429]);
      }
      const declining = await start(limited(2, { name: `${name}-null`, cost: async () => null }));
      expect(await statuses(declining, [LEGS, LEGS, LEGS])).toEqual([200, 200, 429]);
      const constant = await start(limited(2, { name: `${name}-constant`, category: () => 'legs' }));
      expect(await statuses(constant, [LEGS, LEGS, LEGS])).toEqual([200, 200, 429]);
      expect(await warnings()).toEqual([
        expect.stringContaining(`TOLLGATE_NO_COST The function \`cost\` of the limiter ${name} returned undefined`),
      ]);
    });
  });
}
