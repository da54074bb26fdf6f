import {
  type CategoryLayer,
  defineAccountLayer,
  definePolicy,
  type Layer,
  type Mode,
  type PolicyOptions,
  perMinute,
  type ThrottleOptions,
} from '@tollgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** Each throttle has its own `afterViolations`. */
const throttleOf = (afterViolations: number): ThrottleOptions => {
  return { afterViolations, withinMs: 60_000, forMs: 300_000, factor: 0.5 };
};

/** The options of one layer, or of one of its categories. */
interface Options {
  readonly throttle: boolean | undefined;
  readonly mode: Mode | undefined;
  readonly quotas: boolean;
}

const options: fc.Arbitrary<Options> = fc.record({
  throttle: fc.constantFrom(undefined, undefined, false, true),
  mode: fc.constantFrom<(Mode | undefined)[]>(undefined, undefined, 'enforce', 'observe'),
  quotas: fc.boolean(),
});
const layer = fc.record({ own: options, category: fc.option(options, { nil: undefined }), total: fc.boolean() });
type LayerPick = Parameters<Parameters<typeof layer.map>[0]>[0];

/** From the most to the least specific: the layer of an account source, then those of the policy. */
const PATHS = ['source', 'policy.accounts.a', 'policy.environments.e', 'policy.plans.p', 'policy.regions.r', 'policy'];

/** A number shows its origin: 10, 20, … is the layer itself, 11, 21, … its category, 12, 22, … its total. */
function layerOf({ own, category, total }: LayerPick, index: number): Layer {
  const tens = 10 * (index + 1);
  const optionsOf = ({ throttle, mode, quotas }: Options, number: number): CategoryLayer => ({
    ...(throttle !== undefined && { throttle: throttle && throttleOf(number) }),
    ...(mode !== undefined && { mode }),
    ...(quotas && { quotas: [perMinute(number)] }),
  });
  return {
    ...optionsOf(own, tens),
    ...(category && { categories: { legs: optionsOf(category, tens + 1) } }),
    ...(total && { total: [perMinute(tens + 2)] }),
  };
}

/** The most specific value of the option, with its path. */
function firstOf<K extends keyof Options>(layers: readonly LayerPick[], option: K, ofTotal = false) {
  for (const [index, { own, category }] of layers.entries()) {
    const path = PATHS[index]!;
    const unset = option === 'quotas' ? false : undefined;
    if (!ofTotal && category !== undefined && category[option] !== unset) {
      return { value: category[option], number: 10 * (index + 1) + 1, from: `${path}.categories.legs.${option}` };
    }
    if (own[option] !== unset) return { value: own[option], number: 10 * (index + 1), from: `${path}.${option}` };
  }
  return { value: undefined, number: undefined, from: undefined };
}

describe('throttle and mode', () => {
  it('come from the most specific layer that sets them, each on its own, and explain names it', () => {
    fc.assert(
      fc.property(fc.array(layer, { minLength: 6, maxLength: 6 }), (picks) => {
        const [source, account, environment, plan, region, base] = picks.map(layerOf) as [
          Layer,
          Layer,
          Layer,
          Layer,
          Layer,
          Layer,
        ];
        const policy = definePolicy({
          quotas: [perMinute(60)],
          ...base,
          accounts: { a: account },
          environments: { e: environment },
          plans: { p: plan },
          regions: { r: region },
        });
        const last = { ...picks[5]!, own: { ...picks[5]!.own, quotas: true } };
        const layers = [...picks.slice(0, 5), last];
        const query = { category: 'legs', account: 'a', plan: 'p', region: 'r', environment: 'e' };
        const sourceLayer = defineAccountLayer(source, 'source');
        const resolution = policy.resolve(query, sourceLayer);
        const explanation = policy.explain(query, sourceLayer);

        const throttle = firstOf(layers, 'throttle');
        const totalThrottle = firstOf(layers, 'throttle', true);
        const mode = firstOf(layers, 'mode');
        const quotas = firstOf(layers, 'quotas');
        const total = picks.findIndex((pick) => pick.total);
        const throttledAfter = ({ value, number }: typeof throttle) => (value === true ? number : undefined);
        const counters = resolution.counters.map(({ throttle, quotas }) => [
          quotas[0]!.limit,
          throttle?.afterViolations,
        ]);
        expect(counters).toEqual([
          [quotas.number, throttledAfter(throttle)],
          ...(total < 0 ? [] : [[10 * (total + 1) + 2, throttledAfter(totalThrottle)]]),
        ]);
        expect(resolution.mode).toBe(mode.value ?? 'enforce');
        expect(explanation).toMatchObject({
          quotas: { value: [{ limit: quotas.number }], from: quotas.from },
          total: { from: total < 0 ? undefined : `${PATHS[total]}.total` },
          throttle: { from: throttle.from },
          totalThrottle: { from: totalThrottle.from },
          mode: { value: mode.value ?? 'enforce', from: mode.from },
          onStoreFailure: 'local',
          counters: resolution.counters.map(({ name }) => name),
        });
        expect(explanation.throttle.value?.afterViolations).toBe(throttledAfter(throttle));
        expect(explanation.totalThrottle.value?.afterViolations).toBe(throttledAfter(totalThrottle));
        expect(resolution.local).toMatchObject({ mode: resolution.mode });
        expect(resolution.local.counters.map(({ throttle }) => throttle?.afterViolations)).toEqual(
          counters.map(([, number]) => number),
        );
      }),
    );
  });

  it('of an environment do not separate its counter: only its quotas do', () => {
    const policy = definePolicy({
      quotas: [perMinute(1)],
      environments: { sandbox: { mode: 'observe', throttle: throttleOf(3) } },
    });
    const { counters, mode } = policy.resolve({ category: 'legs', account: 'a', environment: 'sandbox' });
    expect(counters).toMatchObject([{ name: 'legs', throttle: { afterViolations: 3 } }]);
    expect(mode).toBe('observe');
  });

  it('of an unlimited category throttle nothing', () => {
    const policy = definePolicy({ quotas: 'unlimited', throttle: throttleOf(3), mode: 'observe' });
    expect(policy.resolve({ category: 'legs' })).toMatchObject({ counters: [], mode: 'observe' });
    expect(policy.throttles).toBe(true);
  });

  it('apply to local decisions too', () => {
    const policy = definePolicy({ quotas: [perMinute(100)], throttle: throttleOf(3), localShare: 0.5 });
    const [counter] = policy.resolve({ category: 'legs' }).local.counters;
    expect(counter).toMatchObject({ quotas: [{ limit: 50 }], throttle: { afterViolations: 3 } });
  });

  it.each<[Partial<PolicyOptions>, string]>([
    [{ throttle: true as never }, 'Expected `policy.throttle` to be a plain object, got true'],
    [{ mode: 'watch' as never }, 'Expected `policy.mode` to be one of "enforce", "observe", got "watch"'],
    [
      { plans: { gold: { throttle: { ...throttleOf(0) } } } },
      'Expected `policy.plans.gold.throttle.afterViolations` to be an integer from 1 to 1000000, got 0',
    ],
    [
      { accounts: { 'x y': { categories: { legs: { throttle: { ...throttleOf(1), factor: 1 } } } } } },
      'Expected `policy.accounts."x y".categories.legs.throttle.factor` to be a number from 0 to below 1, got 1',
    ],
    [
      { categories: { legs: { mode: null as never } } },
      'Expected `policy.categories.legs.mode` to be one of "enforce", "observe", got null',
    ],
    [
      { categories: { legs: { total: [perMinute(1)] } as never } },
      'Unknown option `policy.categories.legs.total`: expected one of quotas, throttle, mode',
    ],
    [{ categories: { legs: { quotas: [] } } }, 'Expected `policy.categories.legs.quotas` to be an array of 1 to 8'],
  ])('%j is refused', (options, message) => {
    expect(() => definePolicy({ quotas: [perMinute(1)], ...options })).toThrow(message);
  });
});

describe('policy.throttles', () => {
  const quotas = [perMinute(1)];

  it.each<[Partial<PolicyOptions>, boolean]>([
    [{}, false],
    [{ throttle: false, plans: { gold: { throttle: false } }, categories: { legs: { throttle: false } } }, false],
    [{ throttle: throttleOf(1) }, true],
    [{ categories: { legs: { throttle: throttleOf(1) } } }, true],
    [{ accounts: { a: { throttle: throttleOf(1) } } }, true],
    [{ environments: { e: { categories: { legs: { throttle: throttleOf(1) } } } } }, true],
    [{ plans: new Map([['__proto__', { throttle: throttleOf(1) }]]) }, true],
    [{ regions: { r: { throttle: throttleOf(1) } }, throttle: false }, true],
  ])('of %j is %s', (options, throttles) => {
    expect(definePolicy({ quotas, ...options }).throttles).toBe(throttles);
  });
});

describe('an account layer', () => {
  const policy = definePolicy({
    quotas: [perMinute(1)],
    environments: { sandbox: { quotas: [perMinute(2)] } },
    accounts: { a: { quotas: [perMinute(3)], total: [perMinute(4)] } },
  });
  const limits = (layer: Layer, environment?: string) =>
    policy
      .resolve({ category: 'legs', account: 'a', environment }, defineAccountLayer(layer))
      .counters.map(({ name, quotas }) => [name, quotas.map(({ limit }) => limit)]);

  it('overrides the policy, and leaves to it what it does not set', () => {
    expect(limits({ quotas: [perMinute(9)] })).toEqual([
      ['legs', [9]],
      ['*', [4]],
    ]);
    expect(limits({ total: 'unlimited' }, 'sandbox')).toEqual([['legs', [3]]]);
    expect(limits({ categories: { bridges: [perMinute(9)] } })).toEqual([
      ['legs', [3]],
      ['*', [4]],
    ]);
    expect(limits({})).toEqual(limits({ categories: {} }));
  });

  it('counts on the counter that all environments share', () => {
    const shared = definePolicy({ quotas: [perMinute(1)], environments: { sandbox: { quotas: [perMinute(2)] } } });
    const stored = defineAccountLayer({ quotas: [perMinute(9)] });
    const query = { category: 'legs', account: 'a', environment: 'sandbox' };
    expect(shared.counterOf(query)).toBe('sandbox/legs');
    expect(shared.counterOf(query, stored)).toBe('legs');
    const [counter] = shared.resolve(query, stored).counters;
    expect(counter!.name).toBe('legs');
  });

  it('gets the same resolution for the same query, and another layer gets another', () => {
    const stored = defineAccountLayer({ quotas: [perMinute(9)] });
    const resolve = (layer = stored) => policy.resolve({ category: 'legs', account: 'b' }, layer);
    expect(resolve()).toBe(resolve());
    expect(resolve(defineAccountLayer({ quotas: [perMinute(8)] })).quotas).toMatchObject([{ limit: 8 }]);
    expect(resolve().quotas).toMatchObject([{ limit: 9 }]);
    expect(policy.resolve({ category: 'legs', account: 'b' }).quotas).toMatchObject([{ limit: 1 }]);
  });

  it('has right answers for more categories than the cache keeps', () => {
    const stored = defineAccountLayer({ categories: { legs: [perMinute(9)] } });
    for (let i = 0; i < 200; i++) policy.resolve({ category: `c${i}`, account: 'b' }, stored);
    const limitOf = (category: string) => policy.resolve({ category, account: 'b' }, stored).quotas[0]!.limit;
    expect([limitOf('legs'), limitOf('c0'), limitOf('c199')]).toEqual([9, 1, 1]);
  });

  it.each([
    [{ quotas: [] }, undefined, 'Expected `accounts.quotas` to be an array of 1 to 8 quotas'],
    [{ limit: 3 }, 'accounts.acme', 'Unknown option `accounts.acme.limit`: expected one of quotas, categories, total'],
    [null, 'accounts.acme', 'Expected `accounts.acme` to be a plain object, got null'],
    [{ accounts: {} }, 'stored', 'Unknown option `stored.accounts`'],
  ])('%j is refused', (layer, path, message) => {
    const define = () => defineAccountLayer(layer as Layer, ...(path === undefined ? [] : [path]));
    expect(define).toThrow(message);
    expect(define).toThrow(expect.objectContaining({ code: expect.stringMatching(/^TOLLGATE_OPTION_/) }));
  });
});
