import { defineAccountLayer, definePolicy, type Layer, perMinute } from '@tollgate/core';
import { describe, expect, it } from 'vitest';

const quotas = [perMinute(100)];
const END = Date.parse('2026-12-31T18:00:00+05:30');
const until = '2026-12-31T18:00:00+05:30';

describe('a block', () => {
  const policy = definePolicy({
    quotas,
    each: { leg: { blocked: { L9: true, L10: { until } } }, key: { blocked: ['k7'] } },
    plans: { trial: { each: { key: { blocked: ['k8'] } } } },
    accounts: {
      mallory: 'blocked',
      late: { blocked: { until } },
      lifted: { blocked: false },
      acme: { each: { leg: { blocked: ['L1'] } } },
    },
    addresses: {
      '203.0.113.0/24': 'blocked',
      '203.0.113.7': { blocked: false },
      '203.0.113.8': 'unlimited',
      '203.0.113.9': { quotas },
      '203.0.113.10': { blocked: { until: END } },
      '198.51.100.0/24': { blocked: { until: END } },
    },
  });
  const blockOf = (query: object, now = 0, source?: Layer) =>
    policy.blockOf({ category: 'x', ...query }, source && defineAccountLayer(source, 'limits.it'), now);

  it.each<[object, object | undefined]>([
    [{ account: 'mallory' }, { party: 'account', from: 'policy.accounts.mallory' }],
    [{ account: 'late' }, { party: 'account', until: END, from: 'policy.accounts.late.blocked' }],
    [{ account: 'lifted' }, undefined],
    [{ account: 'anyone' }, undefined],
    [{ account: '203.0.113.1' }, undefined],
    [{ address: '203.0.113.1' }, { party: 'address', from: 'policy.addresses."203.0.113.0/24"' }],
    [{ address: '203.0.113.7' }, undefined],
    [{ address: '203.0.113.8' }, undefined],
    [{ address: '203.0.113.9' }, { party: 'address', from: 'policy.addresses."203.0.113.0/24"' }],
    [{ address: '203.0.113.10' }, { party: 'address', until: END, from: 'policy.addresses.203.0.113.10.blocked' }],
    [{ address: '192.0.2.1' }, undefined],
    [{ address: 'mallory' }, undefined],
    [
      { account: 'x', subjects: { leg: 'L9' } },
      { party: 'subject', subject: 'leg', from: 'policy.each.leg.blocked.L9' },
    ],
    [
      { account: 'x', subjects: { key: 'k7' } },
      { party: 'subject', subject: 'key', from: 'policy.each.key.blocked[0]' },
    ],
    [{ account: 'x', subjects: { key: 'k8' } }, undefined],
    [
      { account: 'x', plan: 'trial', subjects: { key: 'k8' } },
      { party: 'subject', subject: 'key', from: 'policy.plans.trial.each.key.blocked[0]' },
    ],
    [
      { account: 'x', plan: 'trial', subjects: { key: 'k7' } },
      { party: 'subject', subject: 'key', from: 'policy.each.key.blocked[0]' },
    ],
    [
      { account: 'acme', subjects: { leg: 'L1' } },
      { party: 'subject', subject: 'leg', from: 'policy.accounts.acme.each.leg.blocked[0]' },
    ],
    [{ account: 'x', subjects: { leg: 'L1' } }, undefined],
    [{ account: 'x', subjects: { leg: 'k7', key: 'L9', other: 'L9' } }, undefined],
    [{ account: 'x', subjects: { leg: undefined } }, undefined],
    [
      { address: '192.0.2.1', subjects: { leg: 'L9' } },
      { party: 'subject', subject: 'leg', from: 'policy.each.leg.blocked.L9' },
    ],
  ])('of %j is %j', (query, block) => {
    expect(blockOf(query)).toEqual(block);
  });

  it('ends at its end, and then says nothing', () => {
    expect(blockOf({ account: 'late' }, END - 1)).toBeDefined();
    expect(blockOf({ account: 'late' }, END)).toBeUndefined();
    expect(blockOf({ account: 'x', subjects: { leg: 'L10' } }, END - 1)).toMatchObject({ until: END });
    expect(blockOf({ account: 'x', subjects: { leg: 'L10' } }, END)).toBeUndefined();
    expect(blockOf({ address: '198.51.100.1' }, END)).toBeUndefined();
    // The larger range still blocks.
    expect(blockOf({ address: '203.0.113.10' }, END)).toEqual(blockOf({ address: '203.0.113.1' }));
  });

  it('of an account source is more specific than the policy', () => {
    expect(blockOf({ account: 'anyone' }, 0, { blocked: true })).toEqual({
      party: 'account',
      from: 'limits.it.blocked',
    });
    expect(blockOf({ account: 'mallory' }, 0, { blocked: false })).toBeUndefined();
    expect(blockOf({ account: 'mallory' }, 0, {})).toMatchObject({ from: 'policy.accounts.mallory' });
    expect(blockOf({ account: 'late' }, END, { blocked: { until } })).toBeUndefined();
    const each = { leg: { blocked: ['L2'] } };
    expect(blockOf({ account: 'x', subjects: { leg: 'L2' } }, 0, { each })).toMatchObject({
      from: 'limits.it.each.leg.blocked[0]',
    });
    // Also where the policy blocks nothing.
    const open = definePolicy({ quotas, each: { leg: quotas } });
    const block = (layer: Layer) =>
      open.blockOf({ category: 'x', account: 'x', subjects: { leg: 'L2' } }, defineAccountLayer(layer), 0);
    expect(block({ blocked: true })).toMatchObject({ party: 'account' });
    expect(block({ each })).toMatchObject({ party: 'subject', subject: 'leg' });
    expect(block({ each: { leg: { blocked: [] } } })).toBeUndefined();
  });

  it('of an account source is no Map, of which JSON would keep nothing', () => {
    const layer = { each: { leg: { blocked: new Map([['L1', true as const]]) } } };
    expect(() => defineAccountLayer(layer, 'limits.it')).toThrow(
      'Expected `limits.it.each.leg.blocked` to be a list or a plain object, got an instance of Map',
    );
  });

  it('of a subject has any id', () => {
    const ids = ['__proto__', 'constructor', '\0', '*~leg/L1', '\ud800', 'x'.repeat(1_000_000)];
    for (const blocked of [
      ids,
      new Map(ids.map((id) => [id, true] as const)),
      Object.fromEntries(ids.map((id) => [id, true] as const)),
    ]) {
      const hostile = definePolicy({ quotas, each: { leg: { blocked } } });
      const of = (leg: string) => hostile.blockOf({ category: 'x', account: 'x', subjects: { leg } }, undefined, 0);
      for (const id of ids) expect(of(id)).toMatchObject({ party: 'subject', subject: 'leg' });
      for (const id of ['toString', '', 'x'.repeat(1_000_001)]) expect(of(id)).toBeUndefined();
    }
  });

  it('changes no limit, and is shown by explain at the instant', () => {
    const query = { category: 'x', account: 'late' };
    expect(policy.resolve(query).quotas).toMatchObject([{ limit: 100 }]);
    expect(policy.explain(query, undefined, END - 1).block).toEqual(blockOf(query, END - 1));
    expect(policy.explain(query, undefined, END).block).toBeUndefined();
    expect(policy.explain({ category: 'x', account: 'mallory' }).block).toEqual({
      party: 'account',
      from: 'policy.accounts.mallory',
    });
  });
});

describe('the word unlimited', () => {
  it('removes the quotas, the total and those of all subjects, but not the service', () => {
    const policy = definePolicy({
      quotas,
      categories: { legs: quotas },
      total: quotas,
      each: { leg: quotas },
      service: quotas,
      accounts: { acme: 'unlimited' },
    });
    const query = { category: 'legs', account: 'acme', subjects: { leg: 'L1' } };
    expect(policy.resolve(query).counters.map(({ name }) => name)).toEqual(['service']);
    expect(policy.explain(query)).toMatchObject({
      quotas: { from: 'policy.accounts.acme' },
      total: { from: 'policy.accounts.acme' },
      each: { leg: { quotas: { from: 'policy.accounts.acme' } } },
    });
    expect(policy.removedLimits).toEqual([]);
  });
});

describe('the end of a block', () => {
  it.each<[unknown, number]>([
    ['2026-12-31T12:30Z', END],
    ['2026-12-31T12:30:00.000Z', END],
    ['2026-12-31T18:00:00+05:30', END],
    ['2026-12-31T07:30:00-05:00', END],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    [END, END],
    [100_000_000_000, 100_000_000_000],
  ])('may be %j', (until, end) => {
    const policy = definePolicy({ quotas, accounts: { a: { blocked: { until: until as string } } } });
    expect(policy.blockOf({ category: 'x', account: 'a' }, undefined, end - 1)).toMatchObject({ until: end });
    expect(policy.blockOf({ category: 'x', account: 'a' }, undefined, end)).toBeUndefined();
  });

  it.each<[unknown, typeof TypeError | typeof RangeError]>([
    // No zone, so it would depend on the server's.
    ['2026-12-31T18:00:00', RangeError],
    ['2026-12-31', RangeError],
    ['2026-02-30T00:00:00Z', RangeError],
    ['2026-02-29T00:00:00Z', RangeError],
    ['2026-13-01T00:00:00Z', RangeError],
    ['2026-12-31T24:00:00Z', RangeError],
    ['31 Dec 2026 18:00 GMT', RangeError],
    ['tomorrow', RangeError],
    ['', RangeError],
    ['9'.repeat(1_000_000), RangeError],
    // Seconds.
    [1_798_720_200, RangeError],
    [Number.NaN, RangeError],
    [Number.POSITIVE_INFINITY, RangeError],
    [1e11 + 0.5, RangeError],
    [8_640_000_000_000_001, RangeError],
    [new Date(), TypeError],
    [undefined, TypeError],
    [null, TypeError],
    [true, TypeError],
  ])('is refused, the one of case %#', (until, kind) => {
    const define = () => definePolicy({ quotas, accounts: { a: { blocked: { until } as never } } });
    expect(define).toThrow(kind);
    expect(define).toThrow(
      'Expected `policy.accounts.a.blocked.until` to be an integer of milliseconds since the epoch from 100000000000 to ' +
        '8640000000000000, or ISO 8601 with a zone, got',
    );
  });

  it.each<[object, string]>([
    [
      { accounts: { a: { blocked: 1 } } },
      'Expected `policy.accounts.a.blocked` to be true, false or an object with `until`, got 1',
    ],
    [{ accounts: { a: { blocked: null } } }, 'Expected `policy.accounts.a.blocked` to be true, false'],
    [
      { accounts: { a: { blocked: { unil: 1 } } } },
      'Unknown option `policy.accounts.a.blocked.unil`: expected one of until',
    ],
    [
      { accounts: { a: 'Blocked' } },
      "Expected `policy.accounts.a` to be a layer, 'blocked' or 'unlimited', got \"Blocked\"",
    ],
    [{ plans: { gold: { blocked: true } } }, 'Unknown option `policy.plans.gold.blocked`'],
    [{ regions: { sg: { blocked: true } } }, 'Unknown option `policy.regions.sg.blocked`'],
    [{ environments: { e: { blocked: false } } }, 'Unknown option `policy.environments.e.blocked`'],
    [{ plans: { gold: 'blocked' } }, 'Expected `policy.plans.gold` to be a plain object, got "blocked"'],
    [{ blocked: true }, 'Unknown option `policy.blocked`'],
    [{ categories: { legs: { blocked: true } } }, 'Unknown option `policy.categories.legs.blocked`'],
    [{ each: { leg: { blocked: [5] } } }, 'Expected `policy.each.leg.blocked[0]` to be a string, got 5'],
    [
      { each: { leg: { blocked: [''] } } },
      'Expected `policy.each.leg.blocked[0]` to be a string of at least one character',
    ],
    [{ each: { leg: { blocked: { '': true } } } }, 'Expected `policy.each.leg.blocked key`'],
    [
      { each: { leg: { blocked: { L1: false } } } },
      'Expected `policy.each.leg.blocked.L1` to be true or an object with `until`, got false',
    ],
    [{ each: { leg: { blocked: true } } }, 'Expected `policy.each.leg.blocked` to be a plain object, got true'],
    [{ each: { leg: { blocked: 'L1' } } }, 'Expected `policy.each.leg.blocked` to be a plain object, got "L1"'],
  ])('and all else of a block is checked: %j', (options, message) => {
    expect(() => definePolicy({ quotas, ...options })).toThrow(message);
  });
});
