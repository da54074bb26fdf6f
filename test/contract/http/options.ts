import { definePolicy, legsApiPolicy, perMinute, RateLimiter } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { rawFetch, rawRequest } from './raw.js';
import { type HttpWorld, LEGS } from './world.js';

/** The effect of each option, and the options that are refused. */
export function describeOptions({ limited, memory, open, start, startAll, startPlain, statuses }: HttpWorld): void {
  describe('options', () => {
    it('cost may be a number or a function, and a refused request costs nothing', async () => {
      const running = await start(limited(10, { cost: ({ headers }) => Number(headers['x-cost']) }));
      expect(await statuses(running, [LEGS], ['X-Cost: 6'])).toEqual([200]);
      expect(await statuses(running, [LEGS], ['X-Cost: 5'])).toEqual([429]);
      expect(await statuses(running, [LEGS], ['X-Cost: 4'])).toEqual([200]);
      expect(await statuses(running, [LEGS], ['X-Cost: 0'])).toEqual([200]);
    });

    it('skip leaves a request without limits, async or not', async () => {
      for (const skip of [() => true, async () => true]) {
        const running = await start(limited(0, { skip }));
        const answer = await rawFetch(running.origin, LEGS);
        expect(answer.status).toBe(200);
        expect(answer.headers).not.toHaveProperty('x-ratelimit-limit');
      }
    });

    it('plan, region and environment choose the layer, as constants or async functions', async () => {
      const policy = definePolicy({
        quotas: [perMinute(1)],
        plans: { big: { quotas: [perMinute(3)] } },
        regions: { sg: { quotas: [perMinute(2)] } },
        environments: { sandbox: { quotas: [perMinute(1)] } },
      });
      const running = await start({
        policy,
        store: memory(),
        region: 'sg',
        plan: async ({ headers }) => headers['x-plan'] as string | undefined,
        environment: ({ headers }) => headers['x-environment'] as string | undefined,
      });
      expect(await statuses(running, [LEGS, LEGS, LEGS])).toEqual([200, 200, 429]);
      expect(await statuses(running, [LEGS, LEGS], ['X-Plan: big'])).toEqual([200, 429]);
      expect(await statuses(running, [LEGS, LEGS], ['X-Environment: sandbox'])).toEqual([200, 429]);
      expect(await statuses(running, [LEGS], ['X-Plan: __proto__'])).toEqual([429]);
    });

    it('refundWhen gives the charge back after a response with that status', async () => {
      const running = await start(limited(2, { refundWhen: (status) => status >= 500 }));
      const connection = open(running);
      for (const [status, expected] of [
        [500, 500],
        [503, 503],
        [200, 200],
        [502, 502],
        [404, 404],
        [200, 429],
      ]) {
        await connection.write(rawRequest(LEGS, { headers: [`X-Status: ${status}`] }));
        expect((await connection.read()).status).toBe(expected);
      }
    });

    it('refundWhen may be async, and the charge stays if it rejects', async () => {
      const running = await start(limited(2, { refundWhen: async (status) => status >= 500 }));
      const connection = open(running);
      for (const [status, expected] of [
        [500, 500],
        [500, 500],
        [200, 200],
        [200, 200],
        [200, 429],
      ]) {
        await connection.write(rawRequest(LEGS, { headers: [`X-Status: ${status}`] }));
        expect((await connection.read()).status).toBe(expected);
        await new Promise((resolve) => setImmediate(resolve));
      }
      const failing = await start(limited(1, { refundWhen: () => Promise.reject(new Error('no answer')) }));
      expect(await statuses(failing, [LEGS, LEGS])).toEqual([200, 429]);
    });

    it('a refundWhen that throws neither ends the process nor changes the answer', async () => {
      const running = await start(
        limited(5, {
          refundWhen: () => {
            throw new Error('a bug in the application');
          },
        }),
      );
      expect(await statuses(running, [LEGS, LEGS])).toEqual([200, 200]);
    });

    it('refundAtMost limits the refunds of each account', async () => {
      const options = {
        refundWhen: (status: number) => status >= 500,
        refundAtMost: { limit: 2, windowMs: 3_600_000 },
      };
      const running = await start(limited(1, options));
      const connection = open(running);
      const send = async (account: string) => {
        await connection.write(rawRequest(`/v2/accounts/${account}/legs`, { headers: ['X-Status: 500'] }));
        return (await connection.read()).status;
      };
      for (const account of ['a', 'b']) {
        const found: number[] = [];
        for (let sent = 0; sent < 5; sent++) found.push(await send(account));
        expect(found).toEqual([500, 500, 500, 429, 429]);
      }
    });

    it('headers may be a function, which sees the decision', async () => {
      const running = await start(
        limited(9, {
          headers: ({ headers }, { account }) => {
            if (headers['x-format'] !== undefined) return headers['x-format'] as 'both';
            return account === undefined ? false : undefined;
          },
        }),
        { mount: 'root', errorHandler: true },
      );
      const shown = async (path: string, ...headers: string[]) => {
        const answer = await rawFetch(running.origin, path, { headers });
        expect(answer.status).toBe(200);
        return Object.keys(answer.headers).filter((header) => header.includes('ratelimit'));
      };
      const usual = ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'];
      expect(await shown('/')).toEqual([]);
      expect(await shown(LEGS)).toEqual(usual);
      expect(await shown(LEGS, 'X-Format: draft-11')).toEqual(['ratelimit-policy', 'ratelimit']);
      const wrong = await rawFetch(running.origin, LEGS, { headers: ['X-Format: draft-6'] });
      expect([wrong.status, wrong.body]).toEqual([500, expect.stringContaining('Expected `headers` to be one of')]);
    });

    it('several mounts can share a limiter, and peek and reset see its counters', async () => {
      const limiter = new RateLimiter({ policy: { quotas: [perMinute(1)] }, store: memory() });
      const first = await start({ limiter });
      const second = await start({ limiter });
      expect(await statuses(first, [LEGS])).toEqual([200]);
      expect(await statuses(second, [LEGS])).toEqual([429]);
      expect((await limiter.peek({ account: 'ameyo5m', category: 'legs' })).allowed).toBe(false);
      await limiter.reset({ account: 'ameyo5m' });
      expect(await statuses(second, [LEGS])).toEqual([200]);
    });

    it('several limiters each count, and the headers show the tightest', async () => {
      const running = await startAll([limited(2), limited(3, { category: 'all' })]);
      const answer = await rawFetch(running.origin, LEGS);
      expect(answer.headers['x-ratelimit-limit']).toBe('2');
      expect(JSON.parse(answer.body).decision.quotas[0].limit).toBe(2);
      expect(await statuses(running, [LEGS, LEGS])).toEqual([200, 429]);
      expect(await statuses(running, ['/v2/accounts/ameyo5m/bridges', '/v2/accounts/ameyo5m/bridges'])).toEqual([
        200, 429,
      ]);
    });

    it('with an unusable value are refused when the limiter is made', async () => {
      const policy = legsApiPolicy();
      const limiter = new RateLimiter({ policy });
      const refused: readonly [object, RegExp][] = [
        [{ policy: undefined, account: 'address' }, /`rateLimit.policy`.*got undefined/],
        [{ policy, limiter }, /either `limiter` or `policy`/],
        [{ policy, limit: 5 }, /Unknown option `rateLimit.limit`/],
        [{ policy, cost: '5' }, /`rateLimit.cost`.*got "5"/],
        [{ policy, cost: -1 }, /`rateLimit.cost`.*got -1/],
        [{ policy, category: 7 }, /`rateLimit.category`.*got 7/],
        [{ policy, skip: true }, /`rateLimit.skip`.*got true/],
        [{ policy, headers: 'draft-6' }, /`rateLimit.headers`.*got "draft-6"/],
        [{ policy, blockedStatus: 451 }, /`rateLimit.blockedStatus` to be one of 429, 403, got 451/],
        [{ policy, blockedStatus: '403' }, /`rateLimit.blockedStatus`.*got "403"/],
        [{ policy, costAfter: 4 }, /`rateLimit.costAfter`.*got 4/],
        [{ policy, costWhenAborted: null }, /`rateLimit.costWhenAborted`.*got null/],
        [{ policy, refundAtMost: { limit: 1, windowMs: 1000 } }, /Expected `refundWhen` beside `refundAtMost`/],
        [
          { policy, refundWhen: () => true, refundAtMost: { limit: -1, windowMs: 1000 } },
          /`rateLimit.refundAtMost.limit`.*got -1/,
        ],
        [{ policy, paths: {} }, /`rateLimit.paths.read` to be a function/],
        [{ policy, charges: () => [] }, /either `rateLimit.account` or `rateLimit.charges`, got both/],
        [{ policy, account: undefined, charges: [] }, /`rateLimit.charges` to be a function, got an array of 0/],
        [{ policy, subjects: 'leg' }, /`rateLimit.subjects` to be an object or a function, got "leg"/],
        [{ policy, subjects: ['leg'] }, /`rateLimit.subjects` to be a plain object, got an array of 1/],
        [{ policy, subjects: {} }, /`rateLimit.subjects` to be an object with 1 to 8 subjects, got 0/],
        [{ policy, subjects: { leg: '' } }, /`rateLimit.subjects.leg` to be a string of at least one character/],
        [{ policy, subjects: { leg: undefined } }, /`rateLimit.subjects.leg` to be a string, got undefined/],
        [
          { policy: { quotas: [perMinute(1)], each: { leg: [perMinute(1)] } }, subjects: { lge: 'l1' } },
          /`rateLimit.subjects.lge` to be a subject of the policy, got "lge": did you mean leg\?/,
        ],
        [{ policy, refundWhen: 500 }, /`rateLimit.refundWhen`.*got 500/],
        [{ policy, store: {} }, /`store`.*consume/],
        [{ policy: { quotas: [{ limit: 1.5, windowMs: 1000 }] } }, /`policy.quotas\[0\].limit`.*got 1.5/],
      ];
      for (const [options, message] of refused)
        await expect(startPlain([{ account: 'address', ...options }])).rejects.toThrow(message);
    });
  });
}
