import { definePolicy, legsApiPolicy, MemoryStore, perMinute, RateLimiter } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import type { CommonOptions } from './adapter.js';
import { rawFetch } from './raw.js';
import { type HttpWorld, LEGS } from './world.js';

/** The handling of errors from options and stores, and requests that must not cause one. */
export function describeErrors({ closing, limited, memory, start, statuses }: HttpWorld): void {
  describe('errors', () => {
    const closed = new MemoryStore();
    closed.close();

    it('from options or a closed store, thrown or rejected, reach the error handler of the application', async () => {
      const failing: readonly [CommonOptions, RegExp][] = [
        [limited(9, { cost: () => Number.NaN, onBadCost: 'error' }), /Expected `cost` to be an integer/],
        [limited(9, { cost: async () => -1, onBadCost: 'error' }), /Expected `cost` to be an integer/],
        [
          limited(9, {
            plan: () => {
              throw new Error('no plan');
            },
            onFunctionFailure: 'error',
          }),
          /no plan/,
        ],
        [
          limited(9, {
            environment: () => Promise.reject(new Error('no environment')),
            onFunctionFailure: 'error',
          }),
          /no environment/,
        ],
        [
          limited(9, { region: () => 7 as unknown as string, onFunctionFailure: 'error' }),
          /Expected `region` to be a string, got 7/,
        ],
        [limited(9, { category: () => Promise.reject(new Error('no category')) }), /no category/],
        [limited(9, { category: () => 7 as unknown as string }), /Expected `category` to be a string, got 7/],
        [{ policy: legsApiPolicy(), store: closed }, /MemoryStore was used after close/],
        [
          limited(0, {
            onLimited: () => {
              throw new Error('no answer');
            },
          }),
          /no answer/,
        ],
        [limited(0, { onLimited: () => Promise.reject(new Error('no answer yet')) }), /no answer yet/],
      ];
      for (const [options, message] of failing) {
        const running = await start(options, { errorHandler: true });
        const answer = await rawFetch(running.origin, LEGS);
        expect(answer.status).toBe(500);
        expect(answer.body).toMatch(/^own handler: /);
        expect(answer.body).toMatch(message);
      }
    });

    it('reach the error handler even if the thrown value is undefined or a command of the router', async () => {
      for (const thrown of [undefined, null, 0, '', 'route', 'router']) {
        const throwing = () => {
          throw thrown;
        };
        for (const account of [throwing, () => Promise.reject(thrown)]) {
          const running = await start(limited(0, { account }), { mount: 'root', errorHandler: true });
          const answer = await rawFetch(running.origin, '/status');
          expect(answer.status).toBe(500);
          expect(answer.body).toMatch(/^own handler: A function among the options threw/);
        }
      }
    });

    it('of several functions become one error, and no rejection stays unhandled', async () => {
      const options = limited(9, {
        account: () => Promise.reject(new Error('first')),
        plan: () => Promise.reject(new Error('second')),
        region: () => {
          throw new Error('third');
        },
        onFunctionFailure: 'error',
      });
      const running = await start(options, { mount: 'root', errorHandler: true });
      expect((await rawFetch(running.origin, '/status')).body).toBe('own handler: third');
      await new Promise((resolve) => setImmediate(resolve));
    });

    it('of functions that only choose a layer leave it out, are counted, and are reported once', async () => {
      const layers = (limit: number) => ({ known: { quotas: [perMinute(limit)] } });
      const policy = definePolicy({ quotas: [perMinute(5)], plans: layers(50), regions: layers(40) });
      const failing = {
        plan: () => Promise.reject(new Error('the database is away')),
        region: () => {
          throw new Error('no region');
        },
        environment: () => 7 as unknown as string,
      };
      // The same warning is not emitted again, and other adapters run this test in the same process.
      const name = `failing-${Math.random()}`;
      const limiter = new RateLimiter({ name, policy, store: memory() });
      closing.push(() => limiter.close());
      const warnings: string[] = [];
      const note = (warning: Error & { readonly code?: string }) => {
        if (warning.code === 'TOLLGATE_FUNCTION_FAILED') warnings.push(warning.message);
      };
      process.on('warning', note);
      closing.push(() => void process.off('warning', note));

      const running = await start({ limiter, ...failing });
      for (const remaining of ['4', '3', '2']) {
        const { status, headers } = await rawFetch(running.origin, LEGS);
        expect([status, headers['x-ratelimit-limit'], headers['x-ratelimit-remaining']]).toEqual([200, '5', remaining]);
      }
      expect(limiter.stats().functionFailures).toBe(9);
      const failed = (option: string) =>
        `The function \`${option}\` of the limiter ${name} failed, and requests are decided without it`;
      expect(warnings.sort()).toEqual([
        `${failed('environment')}: It returned a value of the type number, and a string was expected`,
        `${failed('plan')}: the database is away`,
        `${failed('region')}: no region`,
      ]);
      const partly = await start({ limiter, ...failing, plan: async () => 'known' });
      expect((await rawFetch(partly.origin, LEGS)).headers['x-ratelimit-limit']).toBe('50');
    });

    it('do not come from a hostile path', async () => {
      const running = await start(limited(1000), { mount: 'root' });
      const paths = [
        '/v2/accounts/__proto__/legs',
        '/v2/accounts/constructor/toString',
        '/v2/accounts/%7D%7B/legs',
        '/v2/accounts/%00/legs',
        '/v2/accounts/%zz/legs',
        '/v2/accounts/%E2%82/legs',
        `/v2/accounts/${'a'.repeat(10_000)}/legs`,
        `/${'/'.repeat(5000)}`,
        '/v2/accounts',
        '/v2/accounts/',
        '/v2/accounts//legs',
        '*',
        'http://localhost/v2/accounts/a/legs',
      ];
      for (const status of await statuses(running, paths)) expect(status).toBeLessThan(500);
    });
  });
}
