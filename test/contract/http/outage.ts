import { type PolicyOptions, perMinute, RateLimiter, type Store } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { rawFetch } from './raw.js';
import { type HttpWorld, LEGS } from './world.js';

/** P9: a broken store never hangs, never crashes, never answers 429. */
export function describeOutage({ closing, start, statuses }: HttpWorld): void {
  const REST =
    ',"http_code":503,"response":{"error":{"code":"RATE_LIMITER_UNAVAILABLE","message":"Rate limiter unavailable. Please retry after some time."}}}';

  /** A store whose every call fails in the same way. */
  function brokenStore(answer: () => unknown): Store {
    const fail = answer as () => never;
    return { consume: fail, peek: fail, refund: fail, reset: fail, close: () => undefined, timeoutMs: 20 };
  }

  const failures: readonly [string, () => unknown][] = [
    ['rejects', () => Promise.reject(new Error('the line is dead'))],
    ['throws', throwing],
    ['never answers', () => new Promise(() => {})],
    ['answers garbage', () => Promise.resolve({ allowed: false, used: 'all' })],
  ];

  function limiterOn(answer: () => unknown, policy: Partial<PolicyOptions>): RateLimiter {
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(2)], ...policy }, store: brokenStore(answer) });
    closing.push(() => limiter.close());
    return limiter;
  }

  describe('P9 an outage of the store', () => {
    for (const [failure, answer] of failures) {
      it(`the answer is the 503 envelope if the policy says deny: the store ${failure}`, async () => {
        const running = await start({ limiter: limiterOn(answer, { onStoreFailure: 'deny' }) }, { errorHandler: true });
        for (let sent = 0; sent < 8; sent++) {
          const id = 'c6084ac2e9a44812824b42577f01937b';
          const { statusLine, headers, body } = await rawFetch(running.origin, LEGS, {
            headers: [`X-Request-Id: ${id}`],
          });
          expect(statusLine).toBe('HTTP/1.1 503 Service Unavailable');
          expect(body).toBe(`{"request_id":"${id}"${REST}`);
          expect(headers['content-type']).toBe('application/json; charset=utf-8');
          expect(headers['content-length']).toBe(String(body.length));
          expect(headers['cache-control']).toBe('no-store');
          expect(headers['retry-after']).toMatch(/^[12]$/);
          expect(Object.keys(headers).filter((name) => name.includes('ratelimit'))).toEqual([]);
        }
      });

      it(`a request passes without rate-limit headers if the policy says allow: the store ${failure}`, async () => {
        const running = await start(
          { limiter: limiterOn(answer, { onStoreFailure: 'allow' }), headers: 'both' },
          { errorHandler: true },
        );
        for (let sent = 0; sent < 8; sent++) {
          const { status, headers } = await rawFetch(running.origin, LEGS);
          expect(status).toBe(200);
          expect(Object.keys(headers).filter((name) => name.includes('ratelimit'))).toEqual([]);
          expect(headers).not.toHaveProperty('retry-after');
        }
      });

      it(`this process limits requests if the policy says local: the store ${failure}`, async () => {
        const running = await start({ limiter: limiterOn(answer, {}) }, { errorHandler: true });
        const first = await rawFetch(running.origin, LEGS);
        expect(first.headers).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '1' });
        // This process counts: the third request is over the limit, which is no outage.
        expect(await statuses(running, [LEGS, LEGS])).toEqual([200, 429]);
      });
    }

    it('onUnavailable answers, async or not, and onLimited does not', async () => {
      for (const wait of [undefined, Promise.resolve()]) {
        const running = await start({
          limiter: limiterOn(throwing, { onStoreFailure: 'deny' }),
          onLimited: (_request, response) => response.end(429, 'limited'),
          onUnavailable: (_request, response, { allowed, reason, source }) => {
            if (wait === undefined) return response.end(502, `${allowed} ${reason} ${source}`);
            return wait.then(() => response.end(502, `${allowed} ${reason} ${source}`));
          },
        });
        const { status, headers, body } = await rawFetch(running.origin, LEGS);
        expect([status, body]).toEqual([502, 'false store-unavailable none']);
        expect(headers['retry-after']).toBe('1');
      }
    });

    it('onLimited answers refusals, and an onUnavailable that is no function is refused', async () => {
      const running = await start({
        policy: { quotas: [perMinute(0)] },
        onUnavailable: (_request, response) => response.end(500, 'no outage'),
      });
      expect(await statuses(running, [LEGS])).toEqual([429]);
      await expect(start({ policy: { quotas: [perMinute(0)] }, onUnavailable: 503 as never })).rejects.toThrow(
        /`rateLimit.onUnavailable`.*got 503/,
      );
    });

    it('the answer to HEAD has the headers and no body', async () => {
      const running = await start({ limiter: limiterOn(throwing, { onStoreFailure: 'deny' }) });
      const answer = await rawFetch(running.origin, LEGS, { method: 'HEAD' });
      expect(answer.status).toBe(503);
      expect(Number(answer.headers['content-length'])).toBeGreaterThan(100);
    });

    it('a failed refund does not end the process', async () => {
      const running = await start({
        limiter: limiterOn(throwing, {}),
        refundWhen: () => true,
      });
      expect(await statuses(running, [LEGS, LEGS, LEGS])).toEqual([200, 200, 200]);
    });
  });
}

function throwing(): never {
  throw new Error('no line');
}
