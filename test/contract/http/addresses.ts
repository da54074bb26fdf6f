import { mkdtempSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { perMinute, RateLimiter } from '@tollgate/core';
import { describe, expect, it } from 'vitest';
import { collectWarnings } from '../../warnings.js';
import type { CommonOptions, Setup } from './adapter.js';
import type { HttpWorld } from './world.js';

/** The address by which a request is counted, and the settings with which it is not the client's. */
export function describeAddresses({ closing, limited, startPlain, statuses }: HttpWorld): void {
  describe('the address', () => {
    const byAddress = (options: CommonOptions, setup: Partial<Setup> = {}) =>
      startPlain([limited(1, { account: 'address', ...options })], { mount: 'root', ...setup });
    const forwarded = (address: string) => [`X-Forwarded-For: ${address}`];

    it('counts IPv6 by the subnet of the option, and NAT64 and 6to4 as their IPv4', async () => {
      const running = await byAddress({ ipv6Prefix: 64 }, { trustProxy: 'loopback' });
      const from = async (address: string) => (await statuses(running, ['/'], forwarded(address)))[0];
      expect(await from('2001:db8:1:100::1')).toBe(200);
      expect(await from('2001:db8:1:100:ffff::')).toBe(429);
      expect(await from('2001:db8:1:101::1')).toBe(200);
      expect(await from('203.0.113.7')).toBe(200);
      expect(await from('64:ff9b::203.0.113.7')).toBe(429);
      expect(await from('2002:cb00:7107::1')).toBe(429);
      const each = await byAddress({ ipv6Prefix: false }, { trustProxy: 'loopback' });
      const paths = ['2001:db8::1', '2001:db8::2', '2001:db8:0::1'];
      const found: number[] = [];
      for (const address of paths) found.push(...(await statuses(each, ['/'], forwarded(address))));
      expect(found).toEqual([200, 200, 429]);
    });

    it('has a subnet from 32 to 64, or false', async () => {
      for (const ipv6Prefix of [31, 65, 56.5, Number.NaN]) {
        await expect(byAddress({ ipv6Prefix })).rejects.toMatchObject({ code: 'TOLLGATE_OPTION_RANGE' });
      }
      for (const ipv6Prefix of ['56', true, null]) {
        await expect(byAddress({ ipv6Prefix: ipv6Prefix as never })).rejects.toThrow(/`rateLimit.ipv6Prefix`/);
      }
    });

    it('has at least the bits of the smallest range of the policy', async () => {
      const policyOf = (range: '2001:db8::/57' | '2001:db8::/64' | '2001:db8::/65' | '2001:db8::1') => ({
        quotas: [perMinute(9)],
        addresses: { [range]: 'unlimited' as const },
      });
      const refused = [
        [{ policy: policyOf('2001:db8::/57') }, /`rateLimit.ipv6Prefix` to be at least 57, or false, got 56: `policy/],
        [{ policy: policyOf('2001:db8::/64'), ipv6Prefix: 63 }, /at least 64, or false, got 63/],
        [{ policy: policyOf('2001:db8::/65'), ipv6Prefix: 64 }, /`rateLimit.ipv6Prefix` to be false, got 64/],
        [
          { policy: policyOf('2001:db8::1') },
          /to be false, got 56: `policy.addresses` has a range with the prefix 128/,
        ],
      ] as const;
      for (const [options, message] of refused) await expect(byAddress(options)).rejects.toThrow(message);
      await byAddress({ policy: policyOf('2001:db8::/64'), ipv6Prefix: 64 });
      const running = await byAddress(
        { policy: { ...policyOf('2001:db8::1'), quotas: [perMinute(1)] }, ipv6Prefix: false },
        { trustProxy: 'loopback' },
      );
      expect(await statuses(running, ['/', '/'], forwarded('2001:db8:0::0001'))).toEqual([200, 200]);
      expect(await statuses(running, ['/', '/'], forwarded('2001:db8::2'))).toEqual([200, 429]);
    });

    it('that no range of a later policy can have is reported once', async () => {
      const warnings = collectWarnings();
      const name = `range-${Math.random()}`;
      const limiter = new RateLimiter({ name, policy: { quotas: [perMinute(9)] } });
      closing.push(() => limiter.close());
      await startPlain([{ limiter, account: 'address', ipv6Prefix: false }]);
      const policy = { quotas: [perMinute(9)], addresses: { '2001:db8::/60': 'blocked' as const } };
      limiter.setPolicy(policy);
      expect(await warnings()).toEqual([]);
      await startPlain([{ limiter, account: 'address', ipv6Prefix: 60 }]);
      limiter.setPolicy({ ...policy, addresses: { '2001:db8::/61': 'blocked' } });
      limiter.setPolicy({ ...policy, addresses: { '2001:db8::/62': 'blocked' } });
      expect(await warnings()).toEqual([
        expect.stringContaining(
          `TOLLGATE_RANGE_UNMATCHED The policy of the limiter ${name} has an IPv6 range with the prefix 61, and a mount counts addresses by their first 60 bits`,
        ),
      ]);
    });

    it.each<readonly [trustProxy: boolean | string, code: string | undefined, isForwarded: boolean]>([
      [false, 'TOLLGATE_PROXY_NOT_TRUSTED', true],
      [false, undefined, false],
      [true, 'TOLLGATE_PROXY_OPEN', true],
      [true, 'TOLLGATE_PROXY_OPEN', false],
      ['loopback', undefined, true],
      ['10.0.0.0/8', undefined, true],
    ])('with the trust %j is reported once as %s; forwarded: %s', async (trustProxy, code, isForwarded) => {
      const warnings = collectWarnings();
      const name = `trust-${Math.random()}`;
      const headers = isForwarded ? forwarded('203.0.113.7') : [];
      // A second limiter of the name is the same cause.
      for (let started = 0; started < 2; started++) {
        const running = await byAddress({ name }, { trustProxy });
        await statuses(running, ['/', '/', '/'], headers);
      }
      const start = `${code} The limiter ${name} counts by address. `;
      const expected = code === undefined ? [] : [expect.stringContaining(start)];
      expect(await warnings()).toEqual(expected);
    });

    it('is not reported for a limiter that counts accounts', async () => {
      const warnings = collectWarnings();
      const running = await byAddress({ account: () => 'a' }, { trustProxy: true });
      await statuses(running, ['/'], forwarded('203.0.113.7'));
      expect(await warnings()).toEqual([]);
    });

    it('that is missing, as on a Unix socket, is an error and not one counter for all', async () => {
      const running = await byAddress({}, { errorHandler: true });
      const folder = mkdtempSync(join(tmpdir(), 'tollgate-'));
      const socketPath = join(folder, 'socket');
      const unix = createServer((connection) => running.server.emit('connection', connection));
      await new Promise<void>((resolve) => unix.listen(socketPath, resolve));
      closing.push(() => {
        unix.close();
        rmSync(folder, { recursive: true });
      });
      for (let sent = 0; sent < 2; sent++) {
        const response = await new Promise<IncomingMessage>((resolve, reject) => {
          get({ socketPath, path: '/', agent: false }, resolve).once('error', reject);
        });
        expect(response.statusCode).toBe(500);
        expect(await text(response)).toMatch(/^own handler: Expected the address of the client, got none/);
      }
      expect(await statuses(running, ['/'])).toEqual([200]);
    });
  });
}
