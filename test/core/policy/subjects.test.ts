import {
  type CounterSpec,
  defineAccountLayer,
  definePolicy,
  type Layer,
  limiterNameOf,
  type PolicyOptions,
  perHour,
  perMinute,
  perSecond,
  RateLimiter,
  type Store,
} from '@tollgate/core';
import { type Limits, partsOfSubjectCounter } from '@tollgate/core/kit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collectWarnings } from '../../warnings.js';

const quotas = [perMinute(100)];

/** The limits by counter. */
function byCounter({ counters }: Limits): Record<string, number[]> {
  return Object.fromEntries(counters.map(({ name, quotas }) => [name, quotas.map(({ limit }) => limit)]));
}

describe('the counters of subjects', () => {
  const policy = definePolicy({
    quotas,
    total: [perMinute(300)],
    each: { key: [perMinute(60)], leg: { quotas: [perSecond(5), perMinute(50)] } },
    service: [perSecond(2000)],
  });
  const resolve = (subjects?: Record<string, string | undefined>) => policy.resolve({ category: 'legs', subjects });

  it('are those of the kinds that the charge names, behind the category, the total and the service', () => {
    const resolution = resolve({ leg: 'L1', key: 'k7' });
    expect(byCounter(resolution)).toEqual({
      legs: [100],
      '*': [300],
      service: [2000],
      '*~key': [60],
      '*~leg': [5, 50],
    });
    expect(resolution.counters.map(({ name }) => name)).toEqual(['legs', '*', 'service', '*~key', '*~leg']);
    expect(resolution.counters.map(({ account }) => account)).toEqual([
      undefined,
      undefined,
      '@service',
      undefined,
      undefined,
    ]);
    expect(resolution.subjects).toEqual(['key', 'leg']);
    expect(resolution.counterOfQuota).toEqual([0, 1, 2, 3, 4, 4]);
    expect(resolution.quotas.map(({ name, scope, subject }) => [name, scope, subject])).toEqual([
      ['per-minute', 'category', undefined],
      ['total-per-minute', 'total', undefined],
      ['service-per-second', 'service', undefined],
      ['key-per-minute', 'subject', 'key'],
      ['leg-per-second', 'subject', 'leg'],
      ['leg-per-minute', 'subject', 'leg'],
    ]);
    expect(resolution).not.toHaveProperty('observed');
    expect(policy.joinsAccounts).toBe(true);
  });

  it('are none for a charge without subjects, and its resolution is one object', () => {
    expect(resolve().subjects).toEqual([]);
    expect(resolve({})).toBe(resolve());
    expect(resolve({ leg: undefined })).toBe(resolve());
    expect(resolve({ leg: 'a' })).toBe(resolve({ leg: 'b' }));
    expect(resolve({ leg: 'a' })).not.toBe(resolve({ key: 'a' }));
    expect(resolve({ leg: 'a', key: 'b' })).toBe(resolve({ key: 'c', leg: '' }));
  });

  it('count own enumerable kinds alone', () => {
    const inherited = Object.create({ leg: 'L1' }) as Record<string, string>;
    Object.defineProperty(inherited, 'key', { value: 'k', enumerable: false });
    expect(resolve(inherited)).toBe(resolve());
  });

  it('have the quotas objects and throttles of the policy, so that a store recognises them', () => {
    const throttle = { afterViolations: 1, withinMs: 100, forMs: 100, factor: 0.5 };
    const throttled = definePolicy({ quotas, throttle, each: { leg: quotas, key: { quotas, throttle: false } } });
    const one = throttled.resolve({ category: 'legs', subjects: { leg: 'L1' } }).counters[1]!;
    const both = throttled.resolve({ category: 'events', subjects: { leg: 'L1', key: 'k' } }).counters;
    expect(both[1]!.quotas).toBe(one.quotas);
    expect(both[1]!.throttle).toBe(one.throttle);
    expect(one.throttle?.factor).toBe(0.5);
    expect(both[2]!.throttle).toBeUndefined();
  });

  it.each(['__proto__', 'constructor', 'a/b', '*~', '%', '\0', '\ud800', 'ключ'])(
    'of the kind %j have names of their own',
    (kind) => {
      const each = new Map([[kind, quotas]]);
      const hostile = definePolicy({
        quotas,
        each: Object.fromEntries(each),
        environments: { [`e${kind}`]: { each: Object.fromEntries(each) } },
      });
      for (const environment of [undefined, `e${kind}`]) {
        const query = { category: kind, environment, subjects: Object.fromEntries([[kind, 'x']]) };
        const { counters, quotas } = hostile.resolve(query);
        expect(counters).toHaveLength(2);
        const name = `${counters[1]!.name}/L/1`;
        expect(partsOfSubjectCounter(name)).toEqual({ kind: counters[1]!.name, subject: 'L/1' });
        expect(partsOfSubjectCounter(`*login/*/${name}`)).toEqual({
          kind: `*login/*/${counters[1]!.name}`,
          subject: 'L/1',
        });
        expect(limiterNameOf(`*login/${name}`)).toBe('login');
        expect(counters[1]!.name).toBe(hostile.subjectCounterOf(kind, query));
        expect(quotas[1]!.name).toMatch(/^[ -~]{1,64}$/);
      }
    },
  );

  it('of an environment are its own where its own layer decides', () => {
    const own = definePolicy({
      quotas,
      each: { leg: [perSecond(5)], key: [perSecond(6)] },
      environments: { sandbox: { each: { leg: [perSecond(1)] } } },
    });
    const query = { category: 'legs', environment: 'sandbox', subjects: { leg: 'L1', key: 'k' } };
    expect(byCounter(own.resolve(query))).toEqual({ legs: [100], 'sandbox/*~leg': [1], '*~key': [6] });
    expect(own.subjectCounterOf('leg', query)).toBe('sandbox/*~leg');
    expect(own.subjectCounterOf('key', query)).toBe('*~key');
    expect(own.explain(query).counters).toEqual(['legs', 'sandbox/*~leg/L1', '*~key/k']);
  });
});

describe('the settings of subjects', () => {
  it('come from the most specific layer that sets them, for every combination of layers', () => {
    const choice = fc.record({ list: fc.boolean(), mode: fc.boolean(), layerMode: fc.boolean() });
    fc.assert(
      fc.property(fc.tuple(choice, choice, choice, choice, choice, choice), (choices) => {
        const layers = choices.map(({ list, mode, layerMode }, index): Layer => {
          const leg = {
            ...(list && { quotas: [perMinute(index + 1)] }),
            ...(mode && { mode: index % 2 === 0 ? ('observe' as const) : ('enforce' as const) }),
          };
          return {
            ...(Object.keys(leg).length > 0 && { each: { leg } }),
            ...(layerMode && { mode: index % 2 === 0 ? ('enforce' as const) : ('observe' as const) }),
          };
        });
        const [source, account, environment, plan, region, base] = layers as [Layer, Layer, Layer, Layer, Layer, Layer];
        const policy = definePolicy({
          ...base,
          quotas: 'unlimited',
          accounts: { a: account },
          environments: { e: environment },
          plans: { p: plan },
          regions: { r: region },
          known: { subjects: ['leg'] },
        });
        const query = { category: 'x', account: 'a', environment: 'e', plan: 'p', region: 'r', subjects: { leg: 'L' } };
        const { each, counters } = policy.explain(query, defineAccountLayer(source));
        const decides = choices.findIndex(({ list }) => list);
        const modeOf = choices.findIndex(({ mode, layerMode }) => mode || layerMode);
        const isObserved = modeOf >= 0 && (modeOf % 2 === 0) === choices[modeOf]!.mode;
        expect(each['leg']!.quotas.value.map(({ limit }) => limit)).toEqual(decides < 0 ? [] : [decides + 1]);
        expect(each['leg']!.mode.value).toBe(isObserved ? 'observe' : 'enforce');
        expect(counters).toEqual(decides < 0 ? [] : [decides === 2 ? 'e/*~leg/L' : '*~leg/L']);
      }),
    );
  });

  it('of a layer do not become the quotas of its subjects', () => {
    const policy = definePolicy({ quotas, accounts: { a: { quotas: [perMinute(1)] } }, each: { leg: [perMinute(9)] } });
    expect(byCounter(policy.resolve({ category: 'x', account: 'a', subjects: { leg: 'L' } }))).toEqual({
      x: [1],
      '*~leg': [9],
    });
  });

  it('are shown with the places that they come from', () => {
    const policy = definePolicy({
      quotas,
      each: { leg: { quotas: [perSecond(5)], mode: 'observe' } },
      service: { quotas: [perSecond(9)], mode: 'observe' },
      plans: { gold: { each: { leg: [perSecond(50)] }, mode: 'enforce' } },
    });
    const { each, service } = policy.explain({ category: 'x', plan: 'gold', subjects: { leg: 'L', other: 'x' } });
    expect(Object.keys(each)).toEqual(['leg']);
    expect(each['leg']!.quotas.from).toBe('policy.plans.gold.each.leg');
    expect(each['leg']!.mode).toEqual({ value: 'enforce', from: 'policy.plans.gold.mode' });
    expect(service.quotas.from).toBe('policy.service.quotas');
    expect(service.mode).toEqual({ value: 'observe', from: 'policy.service.mode' });
    expect(definePolicy({ quotas, service: [perSecond(9)] }).explain({ category: 'x' }).service.quotas.from).toBe(
      'policy.service',
    );
  });
});

describe('limits that are observed beside enforced ones', () => {
  const policyOf = (options: Partial<PolicyOptions>) => definePolicy({ quotas, ...options });
  const subjects = { leg: 'L', key: 'k' };

  it('are a group of their own', () => {
    const policy = policyOf({
      total: [perMinute(300)],
      each: { leg: { quotas: [perSecond(5)], mode: 'observe' }, key: [perSecond(6)] },
      service: { quotas: [perSecond(7)], mode: 'observe' },
    });
    const resolution = policy.resolve({ category: 'x', subjects });
    expect(byCounter(resolution)).toEqual({ x: [100], '*': [300], '*~key': [6] });
    expect(resolution).toMatchObject({ mode: 'enforce', subjects: ['key'], counterOfQuota: [0, 1, 2] });
    expect(byCounter(resolution.observed!)).toEqual({ service: [7], '*~leg': [5] });
    expect(resolution.observed).toMatchObject({ mode: 'observe', subjects: ['leg'], counterOfQuota: [0, 1] });
    expect(resolution.observed!.counters.map(({ account }) => account)).toEqual(['@service', undefined]);
    const names = [...resolution.quotas, ...resolution.observed!.quotas].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(policy.explain({ category: 'x', subjects }).counters).toEqual(['x', '*', '*~key/k', 'service', '*~leg/L']);
  });

  it('are not one where all have the same mode', () => {
    const observed = policyOf({ mode: 'observe', each: { leg: [perSecond(5)] } }).resolve({ category: 'x', subjects });
    expect(observed).toMatchObject({ mode: 'observe', subjects: ['leg'] });
    expect(observed).not.toHaveProperty('observed');
    // A mode without a counter makes no difference.
    const one = policyOf({ quotas: 'unlimited', each: { leg: { quotas, mode: 'observe' } } });
    expect(one.resolve({ category: 'x', subjects })).toMatchObject({ mode: 'observe', subjects: ['leg'] });
    expect(one.resolve({ category: 'x', subjects })).not.toHaveProperty('observed');
    expect(one.resolve({ category: 'x' })).toMatchObject({ mode: 'enforce', counters: [] });
  });
});

describe('the service', () => {
  it.each<[unknown, string]>([
    [{}, "Expected `policy.service.quotas` to be an array of 1 to 8 quotas or 'unlimited', got undefined"],
    [[], "Expected `policy.service` to be an array of 1 to 8 quotas or 'unlimited', got an array of 0"],
    [null, "Expected `policy.service` to be an array of 1 to 8 quotas or 'unlimited', got null"],
    [{ quotas, each: {} }, 'Unknown option `policy.service.each`: expected one of quotas, throttle, mode'],
  ])('%j is refused', (service, message) => {
    expect(() => definePolicy({ quotas, service: service as never })).toThrow(message);
  });

  it('is no option of a layer', () => {
    const plans = { gold: { service: quotas } } as never;
    expect(() => definePolicy({ quotas, plans })).toThrow('Unknown option `policy.plans.gold.service`');
  });

  it('has a counter of its own for each name of a limiter', () => {
    const charged: string[][] = [];
    const store = {
      joinsAccounts: true,
      consume: (_: string, counters: readonly CounterSpec[]) => {
        charged.push(counters.map(({ name, account }) => `${account ?? 'own'} ${name}`));
        const zeros = counters.map(() => 0);
        return { allowed: true, now: 0, used: zeros, resetAfterMs: zeros, retryAfterMs: 0, token: 1 };
      },
      peek: () => expect.unreachable(),
      refund: () => undefined,
      reset: () => undefined,
      close: () => undefined,
    } satisfies Store;
    for (const name of ['default', 'login']) {
      const limiter = new RateLimiter({ name, store, policy: definePolicy({ quotas, service: quotas }) });
      limiter.consume({ account: 'acme', category: 'x' });
      limiter.close();
    }
    expect(charged).toEqual([
      ['own x', '@service service'],
      ['own *login/x', '@service *login/service'],
    ]);
  });

  it('that is unlimited joins no accounts', () => {
    const policy = definePolicy({ quotas, service: 'unlimited' });
    expect(policy.joinsAccounts).toBe(false);
    expect(policy.resolve({ category: 'x' }).counters).toHaveLength(1);
    expect(definePolicy({ quotas }).joinsAccounts).toBe(false);
  });

  it('has its share while this process decides alone, as subjects have', () => {
    const options = { quotas, service: [perSecond(2000)], each: { leg: [perSecond(9)] }, localShare: 0.5 };
    const { local } = definePolicy(options).resolve({ category: 'x', subjects: { leg: 'L' } });
    expect(byCounter(local)).toEqual({ x: [50], service: [1000], '*~leg': [4] });
    expect(local.quotas.map(({ limit }) => limit)).toEqual([50, 1000, 4]);
    expect(local).toMatchObject({ subjects: ['leg'], counterOfQuota: [0, 1, 2] });
    expect(local.counters[1]!.account).toBe('@service');
  });

  it('and subjects are throttled by their own throttle', () => {
    const throttle = { afterViolations: 1, withinMs: 100, forMs: 100, factor: 0.5 };
    expect(definePolicy({ quotas, service: { quotas, throttle } }).throttles).toBe(true);
    expect(definePolicy({ quotas, each: { leg: { throttle } } }).throttles).toBe(true);
    expect(definePolicy({ quotas, addresses: { '::1': { throttle } } }).throttles).toBe(true);
    expect(definePolicy({ quotas, each: { leg: quotas }, service: quotas }).throttles).toBe(false);
    expect(definePolicy({ quotas, addresses: { categories: { legs: quotas } } }).hasCategories).toBe(true);
  });
});

describe('the names of quotas', () => {
  it('are all different, whatever the kinds are called', () => {
    const policy = definePolicy({
      quotas: [perMinute(1, { name: 'leg-per-minute' })],
      total: [perMinute(1, { name: 'same' })],
      service: [perMinute(1, { name: 'same' }), perHour(1)],
      each: { leg: [perMinute(1)], 'service-': [perMinute(1, { name: 'same' })], service: [perHour(1)] },
    });
    const { quotas } = policy.resolve({ category: 'x', subjects: { leg: 'L', 'service-': 'x', service: 'y' } });
    expect(quotas.map(({ name }) => name)).toEqual([
      'leg-per-minute',
      'same',
      'service-same',
      'service-per-hour',
      'leg-leg-per-minute',
      'service--same',
      'service-service-per-hour',
    ]);
  });
});

describe('the kinds of subjects', () => {
  it('are those of all layers, and those of `known`', () => {
    const policy = definePolicy({
      quotas,
      each: { leg: quotas },
      plans: { gold: { each: { key: quotas } } },
      accounts: { acme: { each: { bridge: quotas } } },
      addresses: { each: { session: quotas }, '::1': { each: { port: quotas } } },
      known: { subjects: ['trunk'] },
    });
    expect(policy.known.subjects).toEqual(['leg', 'key', 'trunk', 'bridge', 'session', 'port']);
    policy.checkName('subject', 'port', 'KIND');
    expect(() => policy.checkName('subject', 'legs', 'KIND')).toThrow(
      'Expected `KIND` to be a subject of the policy, got "legs": did you mean leg?',
    );
  });

  it('are eight at most', () => {
    const eight = Object.fromEntries([...'abcdefgh'].map((kind) => [kind, quotas]));
    const subjects = Object.fromEntries([...'abcdefgh'].map((kind) => [kind, '1']));
    expect(definePolicy({ quotas, each: eight }).resolve({ category: 'x', subjects }).counters).toHaveLength(9);
    const nine = () => definePolicy({ quotas, each: eight, known: { subjects: ['trunk'] } });
    expect(nine).toThrow(RangeError);
    expect(nine).toThrow('Expected `policy.each` to be limits of at most 8 kinds of subjects');
  });

  it('are refused in the layer of an account or address where they are misspelt', () => {
    const each = { leg: quotas };
    const lge = { each: { lge: quotas } };
    const message = 'each.lge` to be a subject of the policy, got "lge": did you mean leg?';
    expect(() => definePolicy({ quotas, each, accounts: { acme: lge } })).toThrow(`policy.accounts.acme.${message}`);
    expect(() => definePolicy({ quotas, each, addresses: lge })).toThrow(`policy.addresses.${message}`);
    expect(() => definePolicy({ quotas, known: { subjects: ['leg'] }, addresses: { '::1': lge } })).toThrow(
      `policy.addresses."::1".${message}`,
    );
  });

  it('are reported once where the policy does not have them, also after the resolution was cached', async () => {
    const policy = definePolicy({ quotas, each: { leg: quotas } });
    // Node emits the warnings of other tests in the next tick.
    await new Promise((resolve) => setImmediate(resolve));
    const warnings = collectWarnings();
    const charge = (subjects: Record<string, string>) => policy.resolve({ category: 'x', subjects });
    charge({ leg: 'L' });
    for (let i = 0; i < 3; i++) {
      expect(charge({ leg: 'L', lgeA: 'x' })).toBe(charge({ leg: 'L' }));
      charge({ keyB: 'x' });
    }
    expect(await warnings()).toEqual([
      'TOLLGATE_UNKNOWN_NAME A charge has the subject lgeA, which the policy does not have: it has leg',
      'TOLLGATE_UNKNOWN_NAME A charge has the subject keyB, which the policy does not have: it has leg',
    ]);
  });

  it('are a few reports, however many a client invents', async () => {
    const policy = definePolicy({ quotas, each: { leg: quotas } });
    const warnings = collectWarnings();
    for (let i = 0; i < 1000; i++)
      policy.resolve({ category: 'x', subjects: { [`${'invented'.repeat(10)}${i}`]: 'x' } });
    const reported = (await warnings()).length;
    expect(reported).toBeGreaterThan(0);
    expect(reported).toBeLessThanOrEqual(8);
  });

  it('are not reported by a policy without any', async () => {
    const warnings = collectWarnings();
    expect(definePolicy({ quotas }).resolve({ category: 'x', subjects: { anything: 'x' } }).subjects).toEqual([]);
    expect(await warnings()).toEqual([]);
  });

  it('are reported and ignored in the layer of an account source that the policy does not have', async () => {
    const warnings = collectWarnings();
    const layer = defineAccountLayer({ each: { trunkC: quotas } }, 'limits.acme');
    const resolution = definePolicy({ quotas }).resolve(
      { category: 'x', account: 'acme', subjects: { trunkC: 't' } },
      layer,
    );
    expect(resolution.subjects).toEqual([]);
    expect(await warnings()).toEqual([
      'TOLLGATE_UNKNOWN_NAME limits.acme sets limits of the subject trunkC, which the policy does not have: add it to `known`',
    ]);
  });

  it.each<[unknown, string]>([
    [[], 'Expected `policy.each` to be a plain object, got an array of 0'],
    [{ '': quotas }, 'Expected `policy.each key` to be a string of at least one character, got ""'],
    [{ leg: [] }, 'Expected `policy.each.leg` to be an array of 1 to 8 quotas'],
    [
      { leg: { total: quotas } },
      'Unknown option `policy.each.leg.total`: expected one of quotas, throttle, mode, blocked',
    ],
    [{ leg: { quotas: [{ limit: 1 }] } }, 'Expected `policy.each.leg.quotas[0].windowMs`'],
  ])('%j are refused', (each, message) => {
    expect(() => definePolicy({ quotas, each: each as never })).toThrow(message);
  });

  it('are no option of a category', () => {
    const categories = { legs: { each: {} } } as never;
    expect(() => definePolicy({ quotas, categories })).toThrow('Unknown option `policy.categories.legs.each`');
  });
});
