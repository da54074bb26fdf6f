import { describe, expect, it } from 'vitest';
import { type HttpWorld, LEGS } from './world.js';

/** The category that a request charges. */
export function describeCategory({ limited, start, statuses }: HttpWorld): void {
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
}
