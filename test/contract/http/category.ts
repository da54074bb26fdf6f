import { perMinute, RateLimiter } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { collectWarnings } from '../../warnings.js';
import type { CommonOptions } from './adapter.js';
import { rawFetch } from './raw.js';
import { type HttpWorld, LEGS } from './world.js';

/** The category that a request charges. */
export function describeCategory({ limited, memory, start, startPlain, statuses }: HttpWorld): void {
  describe('the category', () => {
    it('is the same in every spelling that a router accepts', async () => {
      const running = await start(limited(1), { mount: 'root' });
      const spellings = [
        '/legs',
        '/LEGS',
        '/legs/',
        '//legs',
        '/%6Cegs',
        '/legs?page=2',
        '/legs/l1',
        '/legs/l1/',
        '/legs//l2',
      ];
      const paths = spellings.map((rest) => `/v2/accounts/a${rest}`);
      expect(await statuses(running, paths)).toEqual([200, ...new Array(paths.length - 1).fill(429)]);
    });

    it('follows the table of the API, and is `other` for every path outside of it', async () => {
      const running = await start(limited(1), { mount: 'root' });
      const paths = [
        '/legs/l/actions',
        '/bridges/b/actions/mute',
        '/legs/l/external_events',
        '/bridges/b/external_events',
      ];
      expect(
        await statuses(
          running,
          paths.map((rest) => `/v2/accounts/a${rest}`),
        ),
      ).toEqual([200, 429, 200, 429]);
      const others = ['/numbers', '/', '/legs/l/recordings', '/legs/l/actions/a/b'];
      expect(
        await statuses(
          running,
          others.map((rest) => `/v2/accounts/a${rest}`),
        ),
      ).toEqual([200, 429, 429, 429]);
    });

    it('comes from the options if they have one', async () => {
      const running = await start(
        limited(1, { category: ({ headers }) => headers['x-category'] as string | undefined }),
      );
      expect(await statuses(running, [LEGS, `${LEGS}/l/actions`], ['X-Category: dial'])).toEqual([200, 429]);
      expect(await statuses(running, [LEGS, `${LEGS}/l/actions`], ['X-Category:'])).toEqual([200, 200]);
    });
  });

  describe('the category without the preset', () => {
    const policy = { quotas: [perMinute(1)], categories: { calls: [perMinute(2)] } };
    const calls = new Array<string>(3).fill('/v2/accounts/a/calls');

    it('comes from the option, and is `other` without one', async () => {
      const options = { account: 'account_sid', policy };
      const named = await startPlain([{ ...options, store: memory(), category: 'calls' }]);
      expect(await statuses(named, calls)).toEqual([200, 200, 429]);
      const unnamed = await startPlain([{ ...options, store: memory() }]);
      expect(await statuses(unnamed, [...calls, '/v2/accounts/a/legs'])).toEqual([200, 429, 429, 429]);
      const { body } = await rawFetch(unnamed.origin, '/v2/accounts/b/legs');
      expect(JSON.parse(body).decision.category).toBe('other');
    });

    it('that no mount names is reported once if the policy has categories', async () => {
      const warnings = collectWarnings();
      const name = `no-category-${Math.random()}`;
      const send = async (options: CommonOptions) => {
        const running = await startPlain([{ account: 'address', store: memory(), ...options }], { mount: 'root' });
        await statuses(running, new Array<string>(101).fill('/calls'));
      };
      await send({ name, policy });
      await send({ name, policy });
      await send({ name: `${name}-a-function`, policy, category: () => undefined });
      await send({ name: `${name}-no-categories`, policy: { quotas: [perMinute(1)] } });
      expect(await warnings()).toEqual([
        expect.stringMatching(`^TOLLGATE_NO_CATEGORY The policy of the limiter ${name} has categories, and none of`),
      ]);
    });

    it('is known if another mount of the limiter names it', async () => {
      const warnings = collectWarnings();
      const limiter = new RateLimiter({ name: `two-mounts-${Math.random()}`, policy, store: memory() });
      const running = await startPlain([{ limiter, account: 'address' }], { mount: 'root' });
      await startPlain([{ limiter, account: 'address', category: 'calls' }], { mount: 'root' });
      await statuses(running, new Array<string>(101).fill('/calls'));
      expect(await warnings()).toEqual([]);
    });
  });
}
