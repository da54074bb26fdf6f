import { isIPv6 } from 'node:net';
import { clientAddress } from '@tollgate/core/http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('clientAddress', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:51234', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['[::ffff:192.0.2.1]:443', '192.0.2.1'],
    ['2001:db8:1:1ff:2:3:4:5', '2001:db8:1:100::/56'],
    ['2001:db8:1:100::', '2001:db8:1:100::/56'],
    ['[2001:db8:1:1ab::9]:8080', '2001:db8:1:100::/56'],
    ['2001:0DB8:0001:01FF::1', '2001:db8:1:100::/56'],
    ['2001:db8:1:200::1', '2001:db8:1:200::/56'],
    ['::1', '0:0:0:0::/56'],
    ['fe80::1%eth0', 'fe80:0:0:0::/56'],
    ['64:ff9b::192.0.2.1', '192.0.2.1'],
    ['64:ff9b::c000:201', '192.0.2.1'],
    ['64:ff9b:1::c000:201', '64:ff9b:1:0::/56'],
    ['64:ff9b::1:c000:201', '64:ff9b:0:0::/56'],
    ['2002:c000:201::1', '192.0.2.1'],
    ['2002:C000:0201:1ff:2:3:4:5', '192.0.2.1'],
    ['2003:c000:201::1', '2003:c000:201:0::/56'],
    ['/var/run/socket', '/var/run/socket'],
    ['1::2::3', '1::2::3'],
    ['1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8:9'],
    ['::ffff:192.0.2.256', '::ffff:192.0.2.256'],
    ['12345::', '12345::'],
  ])('%s is counted as %s', (address, counted) => {
    expect(clientAddress(address)).toBe(counted);
  });

  it.each([
    [32, '2001:db8:0:0::/32'],
    [33, '2001:db8:8000:0::/33'],
    [48, '2001:db8:ffff:0::/48'],
    [56, '2001:db8:ffff:ff00::/56'],
    [63, '2001:db8:ffff:fffe::/63'],
    [64, '2001:db8:ffff:ffff::/64'],
    [false, '2001:db8:ffff:ffff:1:0:0:2'],
  ] as const)('with the subnet %s is %s', (ipv6Prefix, counted) => {
    expect(clientAddress('2001:db8:ffff:ffff:1::2', ipv6Prefix)).toBe(counted);
    expect(clientAddress('::ffff:192.0.2.1', ipv6Prefix)).toBe('192.0.2.1');
  });

  it('has no address for nothing', () => {
    for (const none of [undefined, '']) {
      expect(() => clientAddress(none)).toThrow(expect.objectContaining({ code: 'TOLLGATE_NO_ADDRESS' }));
    }
  });

  it('counts every spelling of an IPv6 address, and every address of its /56, as one', () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.integer({ min: 0, max: 0xff }), (address, subnet) => {
        const counted = clientAddress(address);
        if (/^[\d.]+$/.test(counted)) return;
        expect(counted).toMatch(/^[0-9a-f:]+::\/56$/);
        const prefix = counted.replace('::/56', '');
        const groups = prefix.split(':');
        const neighbour = `${groups.slice(0, 3).join(':')}:${(Number.parseInt(groups[3]!, 16) | subnet).toString(16)}::7`;
        expect(isIPv6(neighbour)).toBe(true);
        expect(clientAddress(neighbour.toUpperCase())).toBe(counted);
      }),
    );
  });

  it('accepts any text instead of an address, of up to a million characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }), (text) => {
        expect(typeof clientAddress(text)).toBe('string');
      }),
    );
    expect(clientAddress(':'.repeat(1_000_000)).length).toBe(1_000_000);
  });
});
