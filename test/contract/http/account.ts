import { describe, expect, it } from 'vitest';
import { collectWarnings } from '../../warnings.js';
import type { CommonOptions } from './adapter.js';
import { type HttpWorld, LEGS } from './world.js';

/** The account that a request charges. */
export function describeAccount({ limited, memory, start, startPlain, statuses }: HttpWorld): void {
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

    it('comes from the function alone if there is one, which receives the parameter', async () => {
      const everyone = await start(one({ account: () => 'everyone' }));
      expect(await statuses(everyone, ['/v2/accounts/a/legs', '/v2/accounts/b/legs'])).toEqual([200, 429]);

      const received: unknown[] = [];
      const account = (_request: unknown, parameter: string | undefined) => {
        received.push(parameter);
        return parameter?.toLowerCase();
      };
      for (const mount of ['account', 'root'] as const) {
        const running = await start(one({ account }), { mount });
        expect(await statuses(running, ['/v2/accounts/a%41/legs', '/v2/accounts/Aa/legs'])).toEqual([200, 429]);
      }
      expect(received).toEqual(['aA', 'Aa', 'aA', 'Aa']);
    });

    it('is the address if the function declines, whatever the path says', async () => {
      const options = one({ account: ({ headers }) => headers['x-account'] as string | undefined });
      for (const mount of ['account', 'root'] as const) {
        const running = await start({ ...options, store: memory() }, { mount });
        expect(await statuses(running, ['/v2/accounts/a/legs', '/v2/accounts/b/legs'])).toEqual([200, 429]);
        expect(await statuses(running, [LEGS], ['X-Account: me'])).toEqual([200]);
      }
    });

    it('comes from an async function, and else from the address', async () => {
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

  describe('the account without the preset', () => {
    const one = (options: CommonOptions) => startPlain([limited(1, { category: 'all', ...options })]);
    const paths = ['/v2/accounts/a/x', '/v2/accounts/b/x', '/v2/accounts/a/y'];

    it('has to be given', async () => {
      await expect(startPlain([limited(1)])).rejects.toMatchObject({
        code: 'TOLLGATE_NO_ACCOUNT',
        option: 'rateLimit.account',
        message: expect.stringMatching(/a function, the name of a route parameter .*'address'.*legsApi\(/),
      });
      const wrong: readonly [unknown, RegExp][] = [
        ['', /`rateLimit.account` to be a string of at least one character/],
        [7, /`rateLimit.account` to be a string or a function, got 7/],
      ];
      for (const [account, message] of wrong) await expect(one({ account: account as never })).rejects.toThrow(message);
    });

    it('is the parameter of that name', async () => {
      expect(await statuses(await one({ account: 'account_sid' }), paths)).toEqual([200, 200, 429]);
    });

    it("is the client's address with 'address', whatever the path says", async () => {
      expect(await statuses(await one({ account: 'address' }), paths)).toEqual([200, 429, 429]);
    });

    it('is never read from the path', async () => {
      const running = await startPlain([limited(1, { account: (_, parameter) => parameter })], { mount: 'root' });
      expect(await statuses(running, ['/files/accounts/a', '/files/accounts/b'])).toEqual([200, 429]);
    });

    it('is the address where a route does not have the parameter, which is reported once', async () => {
      const warnings = collectWarnings();
      const name = `no-parameter-${Math.random()}`;
      const running = await one({ account: 'shop_id', name });
      expect(await statuses(running, paths)).toEqual([200, 429, 429]);
      expect(await warnings()).toEqual([
        expect.stringMatching(new RegExp(`^TOLLGATE_NO_PARAMETER The limiter ${name} finds no parameter shop_id`)),
      ]);
    });
  });
}
