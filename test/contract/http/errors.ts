import { legsApiPolicy, MemoryStore } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import type { CommonOptions } from './adapter.js';
import { rawFetch } from './raw.js';
import { type HttpWorld, LEGS } from './world.js';

/** The handling of errors from options and stores, and requests that must not cause one. */
export function describeErrors({ limited, start, statuses }: HttpWorld): void {
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
          }),
          /no plan/,
        ],
        [limited(9, { environment: () => Promise.reject(new Error('no environment')) }), /no environment/],
        [limited(9, { region: () => 7 as unknown as string }), /Expected `region` to be a string, got 7/],
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
      });
      const running = await start(options, { mount: 'root', errorHandler: true });
      expect((await rawFetch(running.origin, '/status')).body).toBe('own handler: third');
      await new Promise((resolve) => setImmediate(resolve));
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
