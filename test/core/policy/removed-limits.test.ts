import {
  definePolicy,
  type Layer,
  legsApiPolicy,
  type PolicyOptions,
  perDay,
  perMinute,
  perSecond,
  RateLimiter,
} from '@tollgate/core';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

const burst = [perMinute(100), perSecond(20)];
const base = { quotas: [perMinute(100)], categories: { legs: burst } } satisfies PolicyOptions;
const withPlan = (gold: Layer) => definePolicy({ ...base, plans: { gold } });

function warningsWhile(act: () => void): string[] {
  const messages: string[] = [];
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((...args: unknown[]) => {
    const { code } = args[1] as { readonly code?: string };
    if (code === 'TOLLGATE_LIMIT_DROPPED') messages.push(String(args[0]));
  });
  onTestFinished(() => void spy.mockRestore());
  act();
  return messages;
}

function use(policy: PolicyOptions): void {
  const limiter = new RateLimiter({ policy });
  onTestFinished(() => void limiter.close());
}

describe('a layer that removes a limit', () => {
  it('is reported with both limits, once for each policy and layer', () => {
    const policy = { ...base, plans: { gold: { quotas: [perMinute(1000)] }, iron: { quotas: [perMinute(200)] } } };
    const messages = warningsWhile(() => {
      use(policy);
      use(policy);
    });
    expect(messages).toEqual([
      '`policy.plans.gold.quotas` (1000 in 60000 ms) replaces `policy.categories.legs` and so removes its limit of ' +
        '20 in 1000 ms. Add the limit to the list, or `replace: true` to policy.plans.gold',
      '`policy.plans.iron.quotas` (200 in 60000 ms) replaces `policy.categories.legs` and so removes its limit of ' +
        '20 in 1000 ms. Add the limit to the list, or `replace: true` to policy.plans.iron',
    ]);
  });

  it('is reported by setPolicy and for a candidate', () => {
    const limiter = new RateLimiter({ policy: base });
    onTestFinished(() => void limiter.close());
    const messages = warningsWhile(() => {
      limiter.setPolicy({ ...base, plans: { set: { quotas: [perMinute(1)] }, silver: { quotas: [perMinute(500)] } } });
      limiter.setCandidate({ ...base, plans: { bronze: { quotas: [perMinute(300)] } } });
    });
    expect(messages.map((message) => /plans\.(\w+)\.quotas/.exec(message)![1])).toEqual(['silver', 'bronze']);
  });

  it('is reported for ten layers, and the others are counted', () => {
    const accounts = new Map(Array.from({ length: 5000 }, (_, index) => [`a${index}`, { quotas: [perMinute(400)] }]));
    const messages = warningsWhile(() => use({ ...base, accounts }));
    expect(messages).toHaveLength(11);
    expect(messages.at(-1)).toBe('4990 more layers of the policy remove a limit');
  });

  it.each<[string, Layer]>([
    ['with replace: true', { quotas: [perMinute(1000)], replace: true }],
    ['with the same window', { quotas: [perMinute(1000), perSecond(50)] }],
    [
      'with a category of its own',
      { quotas: [perMinute(1000)], categories: { legs: [perMinute(500), perSecond(50)] } },
    ],
    ['whose limit implies the other', { quotas: [perMinute(20)] }],
    ['whose shorter window implies the other', { quotas: [perMinute(50), { limit: 5, windowMs: 250 }] }],
    ['with the word unlimited', { quotas: 'unlimited' }],
    ['without a list', { mode: 'observe', throttle: false }],
    ['whose category has no list', { categories: { legs: { mode: 'observe' } } }],
  ])('is not one %s', (_, gold) => {
    expect(withPlan(gold).removedLimits).toEqual([]);
  });

  it.each<[string, PolicyOptions, at: string, from: string]>([
    [
      'a category of the same name',
      { ...base, plans: { gold: { categories: { legs: [perMinute(1000)] } } } },
      'policy.plans.gold.categories.legs',
      'policy.categories.legs',
    ],
    [
      'the quotas of the policy, for one category',
      { quotas: burst, plans: { gold: { categories: { legs: { quotas: [perMinute(1000)] } } } } },
      'policy.plans.gold.categories.legs.quotas',
      'policy.quotas',
    ],
    [
      'a sustained limit',
      { quotas: [perMinute(100), perDay(10_000)], plans: { gold: { quotas: [perMinute(200)] } } },
      'policy.plans.gold.quotas',
      'policy.quotas',
    ],
    [
      'a total',
      { quotas: 'unlimited', total: [perMinute(300), perSecond(10)], plans: { gold: { total: [perMinute(3000)] } } },
      'policy.plans.gold.total',
      'policy.total',
    ],
    [
      'a limit of a region, in a plan',
      {
        quotas: [perMinute(100)],
        regions: { sg: { categories: { legs: burst } } },
        plans: { gold: { quotas: [perMinute(1000)] } },
      },
      'policy.plans.gold.quotas',
      'policy.regions.sg.categories.legs',
    ],
    [
      'a limit of a plan for all categories, in the environment for one that the policy names',
      {
        quotas: [perMinute(100)],
        categories: { legs: [perMinute(100)] },
        plans: { gold: { quotas: burst } },
        environments: { sandbox: { categories: { legs: [perMinute(50)] } } },
      },
      'policy.environments.sandbox.categories.legs',
      'policy.plans.gold.quotas',
    ],
    [
      'a limit of a plan, in an account',
      {
        quotas: [perMinute(100)],
        plans: { gold: { quotas: burst } },
        accounts: { acme: { quotas: [perMinute(500)] } },
      },
      'policy.accounts.acme.quotas',
      'policy.plans.gold.quotas',
    ],
  ])('is found where it removes %s', (_, options, at, from) => {
    const removed = definePolicy(options).removedLimits;
    expect(removed).toHaveLength(1);
    expect(removed[0]!.option).toBe(at);
    expect(removed[0]!.message).toContain(`\`${at}\` (`);
    expect(removed[0]!.message).toContain(`replaces \`${from}\` `);
  });

  it('does not exist in the policy of the Legs API', () => {
    expect(legsApiPolicy().removedLimits).toEqual([]);
  });

  it.each([null, 1, 'yes'])('is refused with replace: %j', (replace) => {
    expect(() => withPlan({ replace } as never)).toThrow(
      expect.objectContaining({ code: 'TOLLGATE_OPTION_TYPE', option: 'policy.plans.gold.replace' }),
    );
    expect(() => definePolicy({ ...base, replace: true } as never)).toThrow(
      expect.objectContaining({ code: 'TOLLGATE_OPTION_UNKNOWN', option: 'policy.replace' }),
    );
  });
});
