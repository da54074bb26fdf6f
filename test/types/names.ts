/**
 * The names of a policy as types. Nothing here runs: the compiler is the test. The line below a `@ts-expect-error` must
 * be an error, or the compiler reports it.
 */
import {
  type Charge,
  definePolicy,
  legsApiCategory,
  legsApiPolicy,
  MemoryStore,
  type Policy,
  type PolicyOptions,
  perMinute,
  RateLimiter,
} from '@tollgate/core';
import { rateLimit } from '@tollgate/express';
import { expectTypeOf } from 'vitest';

const quotas = [perMinute(100)];
const policy = definePolicy({
  quotas,
  categories: { legs: [perMinute(6000)] },
  plans: { gold: { categories: { actions: 'unlimited' } }, silver: { quotas } },
  known: { categories: ['events'], plans: ['free'] },
});
expectTypeOf(policy.known.categories).toEqualTypeOf<readonly ('legs' | 'actions' | 'events')[]>();
expectTypeOf(policy.known.plans).toEqualTypeOf<readonly ('gold' | 'silver' | 'free')[]>();
expectTypeOf(policy.known.regions).toEqualTypeOf<readonly string[]>();

const limiter = new RateLimiter({ policy, store: new MemoryStore() });
const account = 'acme';
limiter.consume({ account, category: 'legs', plan: 'free', region: 'anything', cost: 2 });
limiter.peek({ address: '192.0.2.1', category: 'actions' });
limiter.reset({ account, category: 'events' });
limiter.pardon({ account });
// @ts-expect-error: a misspelt category
limiter.consume({ account, category: 'leg' });
// @ts-expect-error: in other letter case
limiter.peek({ account, category: 'Legs' });
// @ts-expect-error: a misspelt plan
limiter.consumeOrThrow({ account, category: 'legs', plan: 'glod' });
// @ts-expect-error: a misspelt category
limiter.reset({ account, category: 'event' });
// @ts-expect-error: any string, which may be misspelt
limiter.consume({ account, category: String('legs') });

// The kinds of subjects are names too: of the policy, its plans, regions and environments, and of `known`.
const withSubjects = definePolicy({
  quotas,
  each: { leg: [perMinute(5)], key: { quotas, mode: 'observe', blocked: ['k7'] } },
  environments: { sandbox: { each: { bridge: 'unlimited' } } },
  known: { subjects: ['trunk'] },
  service: quotas,
  addresses: {
    quotas,
    each: { key: quotas },
    '203.0.113.0/24': 'blocked',
    '2001:db8::/32': 'unlimited',
    '192.0.2.7': { quotas, blocked: { until: '2026-12-31T18:00:00+05:30' } },
  },
  accounts: { acme: 'unlimited', mallory: 'blocked', late: { blocked: { until: 1_798_720_200_000 } } },
});
expectTypeOf(withSubjects.known.subjects).toEqualTypeOf<readonly ('leg' | 'key' | 'bridge' | 'trunk')[]>();
expectTypeOf(withSubjects.known.categories).toEqualTypeOf<readonly string[]>();
expectTypeOf(policy.known.subjects).toEqualTypeOf<readonly string[]>();
expectTypeOf<NamesOf<typeof withSubjects>['subject']>().toEqualTypeOf<'leg' | 'key' | 'bridge' | 'trunk'>();
type NamesOf<P> = P extends Policy<infer Names> ? Names : never;
expectTypeOf(withSubjects).toExtend<Policy>();
// @ts-expect-error: a misspelt word
definePolicy({ quotas, accounts: { mallory: 'bloked' } });
// @ts-expect-error: no word, and no layer
definePolicy({ quotas, addresses: { '203.0.113.0/24': 'bloked' } });
// @ts-expect-error: neither a setting nor a range
definePolicy({ quotas, addresses: { qoutas: quotas } });
// @ts-expect-error: a misspelt option of a kind
definePolicy({ quotas, each: { leg: { qoutas: quotas } } });
// @ts-expect-error: `service` is an option of the policy, not of a layer
definePolicy({ quotas, plans: { gold: { service: quotas } } });

// The checks of the options stay: an option, a plan's option, a list.
// @ts-expect-error: a misspelt option of a layer
definePolicy({ quotas, plans: { gold: { quota: 5 } } });
// @ts-expect-error: a misspelt option of `known`
definePolicy({ quotas, known: { category: ['legs'] } });
// @ts-expect-error: `replace` is an option of a layer, not of the policy
definePolicy({ quotas, replace: true });

// An ordinary policy, and the options of one, accept every name.
const ordinary: Policy = definePolicy({ quotas, categories: { legs: quotas } });
new RateLimiter({ policy: ordinary }).consume({ account, category: 'anything', plan: 'any' });
new RateLimiter({ policy: { quotas, categories: { legs: quotas } } }).consume({ account, category: 'anything' });
declare const options: PolicyOptions;
new RateLimiter({ policy: definePolicy(options) }).consume({ account, category: String('any'), plan: String('any') });
new RateLimiter({ policy: definePolicy({ quotas, plans: new Map([['gold', { total: 'unlimited' }]]) }) }).consume({
  account,
  category: 'anything',
  plan: 'any',
});
// Where any limiter is accepted, so is one with names, and its policy may be replaced by any other.
expectTypeOf(limiter).toExtend<RateLimiter>();
expectTypeOf(policy).toExtend<Policy>();
limiter.setPolicy(ordinary);
limiter.setCandidate({ quotas });
declare const charge: Charge;
(limiter as RateLimiter).consume(charge);

const legsApi = new RateLimiter({ policy: legsApiPolicy({ categories: { legs: quotas } }) });
legsApi.consume({ account, category: legsApiCategory('/v2/accounts/acme/legs') });
legsApi.consume({ account, category: 'other' });
// @ts-expect-error: not a category of the Legs API
legsApi.consume({ account, category: 'leg' });
// @ts-expect-error: not a category of the Legs API
legsApiPolicy({ categories: { leg: quotas } });

// The constants of the Express middleware are names too. The answers of its functions are checked at run time.
rateLimit({ account: 'address', policy, category: 'legs', plan: 'gold', region: 'anything' });
rateLimit({ account: 'address', limiter, category: (request) => request.get('x-category') });
rateLimit({ account: 'address', policy: ordinary, category: 'anything' });
rateLimit({ account: 'address', policy: { quotas, categories: { legs: quotas } }, category: 'anything' });
// @ts-expect-error: a misspelt category
rateLimit({ account: 'address', policy, category: 'leg' });
// @ts-expect-error: a misspelt plan
rateLimit({ account: 'address', limiter, category: 'legs', plan: 'glod' });

// So are the kinds of subjects, also those that functions return, and the names in several charges.
rateLimit({ account: 'address', policy: withSubjects, subjects: { leg: 'l1', trunk: 't1' } });
rateLimit({ account: 'address', policy: withSubjects, subjects: (request) => ({ leg: request.get('x-leg') }) });
rateLimit({ account: 'address', policy: withSubjects, subjects: async (_request, { leg }) => ({ leg: leg ?? null }) });
rateLimit({ account: 'address', policy: ordinary, subjects: { anything: 'x' } });
rateLimit({
  policy: withSubjects,
  charges: (_request, { address }) => [{ address }, { account, subjects: { leg: 'l1' } }],
});
rateLimit({ policy, charges: async () => [{ account, category: 'legs', plan: 'gold' }] });
// @ts-expect-error: a misspelt kind
rateLimit({ account: 'address', policy: withSubjects, subjects: { lge: 'l1' } });
// @ts-expect-error: a misspelt kind
rateLimit({ account: 'address', policy: withSubjects, subjects: () => ({ lge: 'l1' }) });
// @ts-expect-error: a misspelt category
rateLimit({ policy, charges: () => [{ account, category: 'leg' }] });
// @ts-expect-error: a misspelt kind
rateLimit({ policy: withSubjects, charges: () => [{ account, subjects: { lge: 'l1' } }] });
// @ts-expect-error: an account or an address
rateLimit({ policy, charges: () => [{ category: 'legs' }] });
