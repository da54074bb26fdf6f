import { describe, expect, it } from 'vitest';
import { type HttpWorld, LEGS } from './world.js';

/** The account that a request charges. */
export function describeAccount({ limited, memory, start, statuses }: HttpWorld): void {
  describe('the account', () => {
    const one = limited.bind(undefined, 1);

    it('is the same in every percent-encoded spelling, wherever the limiter is mounted', async () => {
      for (const mount of ['account', 'root'] as const) {
        const running = await start(one(), { mount });
        const spellings = ['ameyo5m', '%61meyo5m', 'ameyo5%6D', 'ameyo5%6d'].map((id) => `/v2/accounts/${id}/legs`);
        expect(await statuses(running, spellings)).toEqual([200, 429, 429, 429]);
      }
    });

    it('is the path segment after /accounts/ if there is no parameter, under any prefix', async () => {
      const running = await start(one(), { mount: 'root' });
      const paths = [
        '/v2/accounts/a/legs',
        '/v2/accounts/b/legs',
        '//api//Accounts//a/legs',
        '/accounts/b/legs?x=/accounts/c',
      ];
      expect(await statuses(running, paths)).toEqual([200, 200, 429, 429]);
    });

    it('is never the user name of Basic authentication: all keys of an account share its limits', async () => {
      const running = await start(one());
      const as = (key: string) => [`Authorization: Basic ${Buffer.from(`${key}:token`).toString('base64')}`];
      expect(await statuses(running, [LEGS], as('key-1'))).toEqual([200]);
      expect(await statuses(running, [LEGS], as('key-2'))).toEqual([429]);
    });

    it('comes from the parameter first, then from the function, then from the path', async () => {
      const options = one({ account: ({ headers }) => headers['x-account'] as string | undefined });
      const root = await start(options, { mount: 'root' });
      const paths = ['/files/accounts/a', '/files/accounts/b', '/files/accounts/c'];
      expect(await statuses(root, paths, ['X-Account: me'])).toEqual([200, 429, 429]);
      expect(await statuses(root, paths)).toEqual([200, 200, 200]);
      const mounted = await start({ ...options, store: memory() });
      expect(await statuses(mounted, [LEGS], ['X-Account: me'])).toEqual([200]);
      expect(await statuses(mounted, [LEGS], ['X-Account: you'])).toEqual([429]);
    });

    it('comes from the function if the path names none, and else from the address', async () => {
      const running = await start(one({ account: async ({ headers }) => headers['x-account'] as string | undefined }), {
        mount: 'root',
      });
      expect(await statuses(running, ['/status'], ['X-Account: a'])).toEqual([200]);
      expect(await statuses(running, ['/status'], ['X-Account: b'])).toEqual([200]);
      expect(await statuses(running, ['/status'], ['X-Account: a'])).toEqual([429]);
      expect(await statuses(running, ['/status', '/status'])).toEqual([200, 429]);
    });

    it('is the address as a last resort: IPv4 in IPv6 is IPv4, and IPv6 counts by /56', async () => {
      const running = await start(one(), { mount: 'root', trustProxy: true });
      const from = async (address: string) =>
        (await statuses(running, ['/status'], [`X-Forwarded-For: ${address}`]))[0];
      expect(await from('203.0.113.7')).toBe(200);
      expect(await from('::ffff:203.0.113.7')).toBe(429);
      expect(await from('203.0.113.8')).toBe(200);
      expect(await from('2001:db8:1:100::1')).toBe(200);
      expect(await from('2001:db8:1:1ff:ffff::')).toBe(429);
      expect(await from('2001:DB8:1:200::1')).toBe(200);
    });

    it('cannot take the name of an address', async () => {
      const running = await start(one({ category: 'one' }), { mount: 'root' });
      const ids = ['127.0.0.1', '@127.0.0.1', '@:127.0.0.1', '%40%3A127.0.0.1'].map((id) => `/accounts/${id}`);
      expect(await statuses(running, ids)).toEqual([200, 200, 200, 429]);
      expect(await statuses(running, ['/status', '/status'])).toEqual([200, 429]);
    });
  });
}
