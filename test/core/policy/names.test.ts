import {
  defineAccountLayer,
  definePolicy,
  legsApiPolicy,
  MemoryStore,
  type Policy,
  type PolicyOptions,
  perMinute,
  RateLimiter,
} from '@tollgate/core';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

const quotas = [perMinute(100)];
const named = definePolicy({
  quotas,
  categories: { legs: [perMinute(5)] },
  plans: { gold: { categories: { actions: [perMinute(7)] } } },
  regions: { sg: {} },
  environments: { sandbox: {} },
  known: { plans: ['free'], environments: ['production'] },
});

/** The warnings of a code from here to the end of the test. */
function warningsOf(code: string): string[] {
  const messages: string[] = [];
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((...args: unknown[]) => {
    if ((args[1] as { readonly code?: string }).code === code) messages.push(String(args[0]));
  });
  onTestFinished(() => void spy.mockRestore());
  return messages;
}

function limiterWith(policy: Policy, more: object = {}): RateLimiter {
  const limiter = new RateLimiter({ policy, ...more });
  onTestFinished(() => void limiter.close());
  return limiter;
}

const refuse = (make: () => unknown) => {
  try {
    make();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was refused');
};

describe('the names of a policy', () => {
  it('are those of its layers, and those of `known`', () => {
    expect(named.known).toEqual({
      categories: ['legs', 'actions'],
      plans: ['gold', 'free'],
      regions: ['sg'],
      environments: ['sandbox', 'production'],
      subjects: [],
    });
    const none = { categories: [], plans: [], regions: [], environments: [], subjects: [] };
    expect(definePolicy({ quotas }).known).toEqual(none);
    expect(legsApiPolicy().known.categories).toEqual(['legs', 'bridges', 'actions', 'events', 'other']);
  });

  it.each([
    ['category', 'leg', 'a category of the policy, got "leg": did you mean legs?'],
    ['category', ' Legs ', 'a category of the policy, got " Legs ": did you mean legs?'],
    ['category', 'lgesx', 'a category of the policy, got "lgesx": it has legs, actions'],
    ['plan', 'Gold', 'a plan of the policy, got "Gold": did you mean gold?'],
    ['plan', 'glod', 'a plan of the policy, got "glod": did you mean gold?'],
    ['region', 'singapore', 'a region of the policy, got "singapore": it has sg'],
    ['environment', 'sandbx', 'an environment of the policy, got "sandbx": did you mean sandbox?'],
    ['environment', '__proto__', 'an environment of the policy, got "__proto__": it has sandbox, production'],
  ] as const)('refuse the constant %s %j', (kind, name, message) => {
    const error = refuse(() => named.checkName(kind, name, 'rateLimit.option'));
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ code: 'TOLLGATE_OPTION_RANGE', option: 'rateLimit.option' });
    expect(error.message).toBe(`Expected \`rateLimit.option\` to be ${message}`);
  });

  it('accept any name of a kind that the policy does not name', () => {
    const policy = definePolicy({ quotas, categories: { legs: quotas } });
    policy.checkName('plan', 'anything', 'option');
    policy.checkName('category', 'legs', 'option');
    definePolicy({ quotas, accounts: { acme: { categories: { legs: quotas } } } });
    definePolicy({ quotas, onStoreFailure: { categories: { anything: 'deny' } } });
  });

  it.each<[string, PolicyOptions, string]>([
    [
      'a category of onStoreFailure',
      { quotas, categories: { legs: quotas }, onStoreFailure: { categories: { Legs: 'deny' } } },
      'policy.onStoreFailure.categories.Legs',
    ],
    [
      'a category in the layer of an account',
      { quotas, categories: { legs: quotas }, accounts: { acme: { categories: { leg: quotas } } } },
      'policy.accounts.acme.categories.leg',
    ],
    [
      'a category in any layer, where `known` lists the categories',
      { quotas, known: { categories: ['legs'] }, plans: { gold: { categories: { lesg: quotas } } } },
      'policy.plans.gold.categories.lesg',
    ],
  ])('refuse %s', (_, options, option) => {
    const error = refuse(() => definePolicy(options));
    expect(error).toMatchObject({ code: 'TOLLGATE_OPTION_RANGE', option });
    expect(error.message).toMatch(/did you mean legs\?$/);
  });

  it.each([
    [{ categories: 'legs' }, 'TOLLGATE_OPTION_TYPE', 'policy.known.categories'],
    [{ categories: [] }, 'TOLLGATE_OPTION_RANGE', 'policy.known.categories'],
    [{ plans: [''] }, 'TOLLGATE_OPTION_RANGE', 'policy.known.plans[0]'],
    [{ plans: [5] }, 'TOLLGATE_OPTION_TYPE', 'policy.known.plans[0]'],
    [{ plan: ['gold'] }, 'TOLLGATE_OPTION_UNKNOWN', 'policy.known.plan'],
    [null, 'TOLLGATE_OPTION_TYPE', 'policy.known'],
  ])('refuse %j as `known`', (known, code, option) => {
    expect(refuse(() => definePolicy({ quotas, known: known as never }))).toMatchObject({ code, option });
  });

  it('refuse a misspelt category of the Legs API', () => {
    const misspelt = { categories: { leg: quotas } } as never;
    expect(refuse(() => legsApiPolicy(misspelt)).message).toBe(
      'Expected `policy.categories.leg` to be a category of the policy, got "leg": did you mean legs?',
    );
    const policy = legsApiPolicy({ categories: { legs: [perMinute(5)] }, plans: { gold: { total: quotas } } });
    expect(policy.resolve({ category: 'legs' }).quotas[0]?.limit).toBe(5);
    expect(policy.resolve({ category: 'other' }).quotas[0]?.limit).toBe(100);
    expect(refuse(() => legsApiPolicy({ known: { categories: ['calls'] } } as never))).toMatchObject({
      code: 'TOLLGATE_OPTION_UNKNOWN',
    });
  });
});

describe('a name in a charge that the policy does not have', () => {
  const charge = { account: 'acme', category: 'legs' };

  it('is reported once, although the resolution of its category is cached', () => {
    const warnings = warningsOf('TOLLGATE_UNKNOWN_NAME');
    const limiter = limiterWith(named);
    for (let times = 0; times < 3; times++) {
      limiter.consume({ ...charge, plan: 'free' });
      limiter.consume({ ...charge, plan: 'GOLD' });
      limiter.consume({ ...charge, region: 'sgp' });
      limiter.consume({ ...charge, environment: 'prod' });
      limiter.consume({ account: 'acme', category: 'legz' });
    }
    expect(warnings).toEqual([
      'A charge has the plan GOLD, which the policy does not have: did you mean gold?',
      'A charge has the region sgp, which the policy does not have: did you mean sg?',
      'A charge has the environment prod, which the policy does not have: it has sandbox, production',
      'A charge has the category legz, which the policy does not have: did you mean legs?',
    ]);
  });

  it('has the limits of a request without the name', () => {
    warningsOf('TOLLGATE_UNKNOWN_NAME');
    expect(named.resolve({ category: 'legs', plan: 'golden' })).toEqual(named.resolve({ category: 'legs' }));
    expect(named.resolve({ category: 'actions', plan: 'gold' }).quotas[0]?.limit).toBe(7);
    expect(named.resolve({ category: 'actions', plan: 'free' }).quotas[0]?.limit).toBe(100);
  });

  it('is reported for a few names only, however many a client invents', () => {
    const warnings = warningsOf('TOLLGATE_UNKNOWN_NAME');
    const limiter = limiterWith(definePolicy({ quotas, known: { categories: ['legs'], plans: ['gold'] } }));
    for (let index = 0; index < 500; index++) {
      limiter.consume({ ...charge, category: `invented-${index}`, plan: `${index}`.repeat(5000) });
    }
    expect(warnings.filter((message) => message.includes('the category'))).toHaveLength(8);
    expect(warnings.filter((message) => message.includes('the plan'))).toHaveLength(8);
    expect(Math.max(...warnings.map(({ length }) => length))).toBeLessThan(300);
  });

  it('is not reported by a policy with other limits but no names', () => {
    const warnings = warningsOf('TOLLGATE_UNKNOWN_NAME');
    const limiter = limiterWith(definePolicy({ quotas, accounts: { acme: {} } }));
    limiter.consume({ ...charge, plan: 'gold', region: 'sg', environment: 'sandbox' });
    expect(warnings).toEqual([]);
  });

  it('is not reported where it is a category of the Legs API, which the policy leaves at its base', () => {
    const warnings = warningsOf('TOLLGATE_UNKNOWN_NAME');
    const limiter = limiterWith(definePolicy({ quotas, categories: { legs: quotas } }));
    for (const category of ['bridges', 'events', 'other', 'leg']) limiter.consume({ account: 'acme', category });
    expect(warnings).toEqual(['A charge has the category leg, which the policy does not have: did you mean legs?']);
  });

  it('is reported where the policy has a category of the Legs API misspelt, or lists its categories', () => {
    const warnings = warningsOf('TOLLGATE_UNKNOWN_NAME');
    const misspelt = limiterWith(definePolicy({ quotas, categories: { lgs: quotas } }));
    for (const category of ['legs', 'bridges', 'other']) misspelt.consume({ account: 'acme', category });
    const listed = limiterWith(definePolicy({ quotas, known: { categories: ['calls'] } }));
    for (const category of ['events', 'other']) listed.consume({ account: 'acme', category });
    expect(warnings).toEqual([
      'A charge has the category legs, which the policy does not have: did you mean lgs?',
      'A charge has the category events, which the policy does not have: it has calls',
    ]);
  });

  it('is reported when its counter is reset', () => {
    const warnings = warningsOf('TOLLGATE_UNKNOWN_NAME');
    limiterWith(definePolicy({ quotas, known: { categories: ['bridges'] } })).reset({ ...charge, category: 'bridge' });
    expect(warnings).toEqual([
      'A charge has the category bridge, which the policy does not have: did you mean bridges?',
    ]);
  });

  it('is reported in the layer of an account source, once for each layer', () => {
    const warnings = warningsOf('TOLLGATE_UNKNOWN_NAME');
    const layer = defineAccountLayer({ categories: { lges: [perMinute(9)] } }, 'limits.acme');
    const limiter = limiterWith(named, { accounts: { layerOf: () => layer } });
    for (let times = 0; times < 3; times++) limiter.consume(charge);
    expect(warnings).toEqual([
      'limits.acme sets limits of the category lges, which the policy does not have: did you mean legs?',
    ]);
  });
});

describe('the names of a candidate', () => {
  it('may be new', () => {
    const candidate = {
      quotas,
      categories: { legs: quotas, events: quotas },
      plans: { gold: {}, gold2: {}, free: {} },
    };
    limiterWith(named, { candidate, store: new MemoryStore() });
  });

  it('are refused where they are names of the policy misspelt', () => {
    const candidate = { quotas, categories: { leg: quotas } };
    const limiter = limiterWith(named);
    for (const use of [() => limiterWith(named, { candidate }), () => limiter.setCandidate(candidate)]) {
      expect(refuse(use).message).toBe(
        'Expected `candidate.categories.leg` to be a category of the policy, got "leg": did you mean legs?',
      );
    }
  });
});
