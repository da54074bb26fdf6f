import { BlockList, isIPv4 } from 'node:net';
import { definePolicy, type Layer, type Policy, type PolicyOptions, perMinute, perSecond } from '@tollgate/core';
import { clientAddress } from '@tollgate/core/http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

type AddressLayers = NonNullable<PolicyOptions['addresses']>;

const quotas = [perMinute(100)];
const policyWith = (addresses: AddressLayers) => definePolicy({ quotas, addresses });
const limitOf = (policy: Policy, address: string) =>
  policy.resolve({ category: 'x', address }).quotas.map(({ limit }) => limit)[0];

describe('the limits of addresses', () => {
  const policy = definePolicy({
    quotas,
    total: [perMinute(300)],
    addresses: {
      quotas: [perMinute(20)],
      categories: { login: [perMinute(3)] },
      '203.0.113.0/24': { quotas: [perMinute(30)] },
      '203.0.113.128/25': { quotas: [perMinute(40)] },
      '203.0.113.200': { categories: { login: [perMinute(50)] } },
      '198.51.100.0/24': 'unlimited',
      '2001:db8::/32': { quotas: [perMinute(60)] },
      '2001:db8:0:100::/56': { quotas: [perMinute(70)] },
      '2001:db8:0:1ff::/64': { quotas: [perMinute(80)] },
    },
    environments: { sandbox: { quotas: [perMinute(9)], total: [perMinute(10)] } },
  });

  it.each([
    ['192.0.2.1', 20],
    ['203.0.113.1', 30],
    ['203.0.113.127', 30],
    ['203.0.113.128', 40],
    ['203.0.113.255', 40],
    ['203.0.114.0', 20],
    // The range sets a category alone.
    ['203.0.113.200', 40],
    ['198.51.100.7', undefined],
    ['::ffff:203.0.113.1', 30],
    ['::FFFF:cb00:7101', 30],
    ['64:ff9b::203.0.113.1', 30],
    ['2002:cb00:7101::1', 30],
    ['2001:db8::1', 60],
    ['2001:0DB8:0:0:0:0:0:1', 60],
    ['2001:db8::1%eth0', 60],
    ['2001:db8:0:100::1', 70],
    ['2001:db8:0:1ff::1', 80],
    // As adapters keep it: all addresses of the /56, of which only some lie in the /64.
    ['2001:db8:0:100::/56', 70],
    ['2001:db8:0:0::/48', 60],
    ['2001:db9::1', 20],
    ['unknown', 20],
    ['', 20],
    ['203.0.113.01', 20],
    ['203.0.113.1:80', 20],
    ['/var/run/socket', 20],
    ['__proto__', 20],
    ['quotas', 20],
    ['\0', 20],
    ['203.0.113.1/99', 20],
  ])('%s has %j', (address, limit) => {
    expect(limitOf(policy, address)).toBe(limit);
    // And again, from the cache.
    expect(limitOf(policy, address)).toBe(limit);
  });

  it('of a text of any length are those of a text that is no address', () => {
    for (const text of [':'.repeat(10_000_000), '1.'.repeat(5_000_000), `2001:db8::1%${'x'.repeat(10_000_000)}`]) {
      expect(limitOf(policy, text)).toBe(20);
    }
  });

  it('lie before those of environments, and concern no account', () => {
    const environment = 'sandbox';
    const counters = (query: { address?: string; account?: string }) =>
      policy
        .resolve({ category: 'x', environment, ...query })
        .counters.map(({ name, quotas }) => [name, quotas[0]!.limit]);
    expect(counters({ address: '203.0.113.1' })).toEqual([
      ['x', 30],
      ['sandbox/*', 10],
    ]);
    expect(counters({ account: '203.0.113.1' })).toEqual([
      ['sandbox/x', 9],
      ['sandbox/*', 10],
    ]);
    expect(counters({ address: '198.51.100.7' })).toEqual([]);
    expect(policy.counterOf({ category: 'x', environment, address: '203.0.113.1' })).toBe('x');
    expect(policy.counterOf({ category: 'x', environment, account: 'acme' })).toBe('sandbox/x');
  });

  it('are found by option: the smallest range that sets it', () => {
    const login = (address: string) => policy.explain({ category: 'login', address }).quotas;
    expect(login('203.0.113.200')).toMatchObject({
      value: [{ limit: 50 }],
      from: 'policy.addresses.203.0.113.200.categories.login',
    });
    expect(login('203.0.113.201').from).toBe('policy.addresses."203.0.113.128/25".quotas');
    expect(login('192.0.2.1').from).toBe('policy.addresses.categories.login');
    expect(login('198.51.100.7')).toEqual({ value: [], from: 'policy.addresses."198.51.100.0/24"' });
    expect(policy.explain({ category: 'x', address: '192.0.2.1' }).total.from).toBe('policy.total');
  });

  it('are those of any layer without the option', () => {
    const { limit } = definePolicy({ quotas }).resolve({ category: 'x', address: '192.0.2.1' }).quotas[0]!;
    expect(limit).toBe(100);
    expect(limitOf(policyWith({}), '192.0.2.1')).toBe(100);
  });

  it('have subjects, and no quota of theirs for an unlimited address', () => {
    const withSubjects = definePolicy({
      quotas,
      each: { session: [perMinute(5)] },
      addresses: { each: { session: [perMinute(2)] }, '::1': 'unlimited' },
    });
    const sessions = (address: string) => withSubjects.resolve({ category: 'x', address, subjects: { session: 's' } });
    expect(sessions('192.0.2.1').counters.at(-1)).toMatchObject({ name: '*~session', quotas: [{ limit: 2 }] });
    expect(sessions('::1').counters).toEqual([]);
    expect(withSubjects.explain({ category: 'x', address: '::1', subjects: { session: 's' } }).each['session']).toEqual(
      {
        quotas: { value: [], from: 'policy.addresses."::1"' },
        throttle: { value: undefined, from: undefined },
        mode: { value: 'enforce', from: undefined },
      },
    );
  });

  it('may be a Map, with settings and ranges', () => {
    const policy = policyWith(
      new Map<string, Layer | 'blocked' | typeof quotas>([
        ['quotas', [perMinute(20)]],
        ['203.0.113.0/24', { quotas: [perMinute(30)] }],
      ]),
    );
    expect(limitOf(policy, '192.0.2.1')).toBe(20);
    expect(limitOf(policy, '203.0.113.1')).toBe(30);
  });

  it('report the longest prefix of IPv6, for adapters that keep less of an address', () => {
    expect(policy.longestIpv6Prefix).toBe(64);
    expect(policyWith({ '203.0.113.7': 'blocked' }).longestIpv6Prefix).toBeUndefined();
    expect(policyWith({ '::1': 'blocked', '2001:db8::/32': 'blocked' }).longestIpv6Prefix).toBe(128);
    expect(definePolicy({ quotas }).longestIpv6Prefix).toBeUndefined();
  });

  it('of a range are those of each address in it, for any ranges and addresses', () => {
    const ipv4 = fc
      .tuple(fc.constantFrom(10, 10, 11), fc.nat(3), fc.nat(255), fc.nat(255))
      .map((bytes) => bytes.join('.'));
    const ipv6 = fc
      .tuple(
        fc.constantFrom('2001:db8', '2001:db9'),
        fc.array(fc.constantFrom('0', '1', 'ffff', '8000'), { minLength: 6, maxLength: 6 }),
      )
      .map(([start, groups]) => `${start}:${groups.join(':')}`);
    const range = fc
      .oneof(fc.tuple(ipv4, fc.nat(32)), fc.tuple(ipv6, fc.nat(128)))
      .map(([address, prefix]) => masked(address, prefix));
    fc.assert(
      fc.property(
        fc.uniqueArray(range, { maxLength: 12 }),
        fc.array(fc.oneof(ipv4, ipv6), { maxLength: 12 }),
        (ranges, addresses) => {
          const layers = Object.fromEntries(ranges.map((range, index) => [range, { quotas: [perMinute(index + 1)] }]));
          const policy = policyWith({ quotas: [perMinute(99)], ...layers });
          const own = ranges.map((range) => {
            const [network, prefix] = range.split('/') as [string, string];
            const list = new BlockList();
            list.addSubnet(network, Number(prefix), familyOf(network));
            return { list, prefix: Number(prefix), family: familyOf(network) };
          });
          for (const address of addresses) {
            let best = -1;
            for (const [index, { list, prefix, family }] of own.entries()) {
              const contains = family === familyOf(address) && list.check(address, family);
              if (contains && (best < 0 || prefix > own[best]!.prefix)) best = index;
            }
            expect(limitOf(policy, address)).toBe(best < 0 ? 99 : best + 1);
            expect(limitOf(policy, clientAddress(address, false))).toBe(best < 0 ? 99 : best + 1);
          }
        },
      ),
    );
  });

  it('are found among ten thousand ranges for any number of addresses', () => {
    const ranges: Record<string, Layer> = {};
    for (let i = 0; i < 10_000; i++) ranges[`10.${i >> 8}.${i & 255}.0/24`] = { quotas: [perMinute(1 + (i % 97))] };
    const policy = policyWith(ranges as AddressLayers);
    for (let i = 0; i < 20_000; i++) {
      const network = (i * 7919) % 10_000;
      expect(limitOf(policy, `10.${network >> 8}.${network & 255}.${i & 255}`)).toBe(1 + (network % 97));
    }
  });

  it.each<[object, string]>([
    [
      { '203.0.113.7/24': 'blocked' },
      'Expected `policy.addresses."203.0.113.7/24"` to be a range without bits behind its prefix, got "203.0.113.7/24"',
    ],
    [{ '2001:db8::1/32': 'blocked' }, 'to be a range without bits behind its prefix, got "2001:db8::1/32"'],
    [
      { '203.0.113.0/33': 'blocked' },
      'to be an address, or a range such as 203.0.113.0/24 or 2001:db8::/32, got "203.0.113.0/33"',
    ],
    [{ '203.0.113.0/': 'blocked' }, 'to be an address, or a range'],
    [{ '203.0.113.0/024': 'blocked' }, 'to be an address, or a range'],
    [{ '203.0.113.0/-1': 'blocked' }, 'to be an address, or a range'],
    [{ '203.0.113': 'blocked' }, 'to be an address, or a range'],
    [{ '203.0.113.07': 'blocked' }, 'to be an address, or a range'],
    [{ '::1%eth0': 'blocked' }, 'to be an address, or a range'],
    [{ 'api.example': 'blocked' }, 'to be an address, or a range'],
    [{ '2002:cb00:7100::/40': 'blocked' }, 'write the IPv4 addresses within it'],
    [{ '64:ff9b::cb00:7100/120': 'blocked' }, 'write the IPv4 addresses within it'],
    [
      { '203.0.113.0/24': 'blocked', '::ffff:203.0.113.0/120': 'blocked' },
      'to be different from the other ranges, got "::ffff:203.0.113.0/120"',
    ],
    [{ '::1': 'blocked', '0:0:0:0:0:0:0:1/128': 'blocked' }, 'to be different from the other ranges'],
    [{ qoutas: [] }, 'Unknown option `policy.addresses.qoutas`: expected one of quotas'],
    [
      { __proto__: null, '203.0.113.7': 'bloked' },
      "Expected `policy.addresses.203.0.113.7` to be a layer, 'blocked' or 'unlimited', got \"bloked\"",
    ],
    [{ '203.0.113.7': null }, 'Expected `policy.addresses.203.0.113.7` to be a plain object, got null'],
    [{ '203.0.113.7': { quotas: [] } }, 'Expected `policy.addresses.203.0.113.7.quotas`'],
    [{ categories: { call: quotas } }, 'Expected `policy.addresses.categories.call` to be a category of the policy'],
    [{ ['1.'.repeat(1000)]: 'blocked' }, 'to be an address, or a range'],
  ])('%j are refused', (addresses, message) => {
    const define = () => definePolicy({ quotas, categories: { calls: quotas }, addresses: addresses as AddressLayers });
    expect(define).toThrow(message);
    expect(define).toThrow(expect.objectContaining({ code: expect.stringMatching(/^TOLLGATE_OPTION_/) }));
  });

  it.each([null, [], 'blocked', 5])('%j are refused', (addresses) => {
    expect(() => policyWith(addresses as never)).toThrow('Expected `policy.addresses` to be a plain object');
  });
});

describe('the limits that ranges remove', () => {
  const removed = (addresses: AddressLayers, base = {}) =>
    definePolicy({ quotas: [perMinute(100), perSecond(5)], ...base, addresses }).removedLimits.map(
      ({ option }) => option,
    );

  it('are those of the layers of all parties, of `addresses` and of larger ranges', () => {
    expect(removed({ quotas: [perMinute(20)] })).toEqual(['policy.addresses.quotas']);
    expect(removed({ quotas: [perMinute(20)], replace: true })).toEqual([]);
    const own = [perMinute(20), perSecond(5)];
    expect(removed({ quotas: own, '203.0.113.0/24': { quotas: [perMinute(2000)] } })).toEqual([
      'policy.addresses."203.0.113.0/24".quotas',
    ]);
    const larger = { quotas: [...own, perMinute(9, { every: 7 })] };
    expect(
      removed({ '203.0.113.0/24': larger, '203.0.113.7': { quotas: own }, '198.51.100.7': { quotas: own } }),
    ).toEqual(['policy.addresses.203.0.113.7.quotas']);
    expect(removed({ '203.0.113.0/24': 'unlimited', '203.0.113.7': 'blocked' })).toEqual([]);
  });

  it('are those of subjects too', () => {
    const each = { leg: [perSecond(5), perMinute(50)] };
    const fewer = { leg: { quotas: [perMinute(500)] } };
    const policy = definePolicy({
      quotas,
      each,
      regions: { sg: { each: fewer } },
      plans: { gold: { each: { leg: 'unlimited' } }, silver: { each: { leg: [perSecond(9), perMinute(90)] } } },
      accounts: { acme: { each: fewer, replace: true }, globex: { each: { leg: [perMinute(4)] } } },
      addresses: { each: fewer },
    });
    expect(policy.removedLimits.map(({ message }) => message)).toEqual([
      '`policy.regions.sg.each.leg.quotas` (500 in 60000 ms) replaces `policy.each.leg` and so removes its limit of ' +
        '5 in 1000 ms. Add the limit to the list, or `replace: true` to policy.regions.sg',
      expect.stringContaining('`policy.addresses.each.leg.quotas` (500 in 60000 ms) replaces `policy.each.leg`'),
    ]);
  });
});

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}

/** The range of the prefix with the address, spelt out. */
function masked(address: string, prefix: number): string {
  const isQuad = isIPv4(address);
  const [bits, radix, mark] = isQuad ? [8, 10, '.'] : [16, 16, ':'];
  const parts = address.split(mark as string).map((part) => Number.parseInt(part, radix as number));
  const kept = parts.map((part, index) => {
    const free = Math.min(bits as number, Math.max(0, (index + 1) * (bits as number) - prefix));
    return ((part >> free) << free).toString(radix as number);
  });
  return `${kept.join(mark as string)}/${prefix}`;
}
