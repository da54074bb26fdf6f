/**
 * The promises of the public types. Nothing here runs: the compiler is the test. The line below a `@ts-expect-error`
 * must be an error, or the compiler reports it.
 */
import {
  type AccountSource,
  type Decision,
  type DecisionSource,
  definePolicy,
  type Health,
  legsApiPolicy,
  type MaybePromise,
  MemoryStore,
  perMinute,
  perSecond,
  type Quota,
  type QuotaState,
  RateLimiter,
  type Receipt,
  type Store,
  StoreError,
  type StoreFailureMode,
} from '@tollgate/core';
import { legsApi as expressLegsApi, rateLimit as expressRateLimit } from '@tollgate/express';
import fastifyRateLimit, { legsApi, rateLimit } from '@tollgate/fastify';
import {
  type LimitsClient,
  type RedisClient,
  RedisLimits,
  RedisStore,
  type RedisStoreOptions,
  type RedisStoreStats,
  type StoredLimits,
} from '@tollgate/redis';
import {
  accountLimits,
  type ParsedPolicy,
  type PolicyProblem,
  type PolicyWatch,
  parsePolicy,
  watchPolicyFile,
} from '@tollgate/sources';
import express, { type RequestHandler } from 'express';
import Fastify from 'fastify';
import { type Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, type Redis as Redis5 } from 'ioredis5';
import { expectTypeOf } from 'vitest';

const policy = definePolicy({
  quotas: [perMinute(100), { limit: 5, windowMs: 1000, name: 'burst', slices: 8 }],
  categories: { legs: [perSecond(20, { every: 5 })], events: 'unlimited' },
  total: [perMinute(300)],
  plans: { enterprise: { quotas: [perMinute(1000)] } },
  accounts: new Map([['__proto__', { total: 'unlimited' }]]),
});

// @ts-expect-error: a policy without quotas would be unlimited by omission
definePolicy({ total: [perMinute(300)] });
// @ts-expect-error: a misspelt option
definePolicy({ quotas: [perMinute(100)], plan: {} });
// @ts-expect-error: a quota needs its window
definePolicy({ quotas: [{ limit: 5 }] });
// @ts-expect-error: the only word for no limit is 'unlimited'
definePolicy({ quotas: 'none' });
// @ts-expect-error: a limit is a number
perMinute('100');
// @ts-expect-error: quotas are immutable
perMinute(100).limit = 5;

expectTypeOf(perMinute(100)).toEqualTypeOf<Quota>();
expectTypeOf(new MemoryStore()).toExtend<Store>();

const limiter = new RateLimiter({ policy });
expectTypeOf(limiter.consume({ account: 'a', category: 'legs', cost: 2, plan: undefined })).toEqualTypeOf<
  MaybePromise<Decision>
>();
expectTypeOf(limiter.peek({ address: '192.0.2.1', category: 'legs' })).toEqualTypeOf<MaybePromise<Decision>>();
expectTypeOf<Decision['retryAfterMs']>().toEqualTypeOf<number | null>();
expectTypeOf<Decision['quotas']>().toEqualTypeOf<readonly QuotaState[]>();
expectTypeOf<Decision['tightest']>().toEqualTypeOf<QuotaState | undefined>();
expectTypeOf<Decision['receipt']>().toEqualTypeOf<Receipt | undefined>();
// @ts-expect-error: an account or an address
limiter.consume({ category: 'legs' });
// @ts-expect-error: not both
limiter.consume({ account: 'a', address: '192.0.2.1', category: 'legs' });
// @ts-expect-error: decisions do not change
(await limiter.consume({ account: 'a', category: 'legs' })).allowed = true;
// @ts-expect-error: a receipt is not made by hand
limiter.refund({});

definePolicy({ quotas: [perMinute(100)], onStoreFailure: 'deny', localShare: 0.5 });
definePolicy({ quotas: [perMinute(100)], onStoreFailure: { default: 'local', categories: { legs: 'allow' } } });
// @ts-expect-error: there is no such mode
definePolicy({ quotas: [perMinute(100)], onStoreFailure: 'open' });
// @ts-expect-error: onStoreFailure belongs to the whole policy
definePolicy({ quotas: [perMinute(100)], plans: { enterprise: { onStoreFailure: 'deny' } } });
new RateLimiter({ policy, timeoutMs: 50, localStore: new MemoryStore({ maxCounters: 1000 }) });
expectTypeOf(policy.resolve({ category: 'legs' }).onStoreFailure).toEqualTypeOf<StoreFailureMode>();
expectTypeOf<Decision['source']>().toEqualTypeOf<DecisionSource>();
expectTypeOf(limiter.health()).toEqualTypeOf<Health>();
expectTypeOf(limiter.on('health', ({ state }) => state === 'down')).toEqualTypeOf<typeof limiter>();
// @ts-expect-error: there is no other event
limiter.on('error', () => {});
expectTypeOf(new StoreError('gone', { charged: 'no' }).charged).toEqualTypeOf<'no' | 'unknown'>();
// @ts-expect-error: `charged` is required
new StoreError('gone');
/** A store without the optional members is a store. */
expectTypeOf<Pick<Store, 'consume' | 'peek' | 'refund' | 'reset' | 'close'>>().toExtend<Store>();

// Clients of both ioredis versions fit without a cast. Their types differ.
expectTypeOf<Redis | Cluster | Redis5 | Cluster5>().toExtend<RedisClient>();
expectTypeOf<Redis | Cluster | Redis5 | Cluster5>().toExtend<LimitsClient>();
const limits = new RedisLimits({ client: new Redis() });
expectTypeOf(
  limits.set('ameyo5m', { quotas: [perMinute(1)] }, { by: 'jo', ifVersion: 3 }),
).resolves.toEqualTypeOf<StoredLimits>();
expectTypeOf(limits.get('ameyo5m')).resolves.toEqualTypeOf<StoredLimits | undefined>();
expectTypeOf(limits).toExtend<AccountSource>();
void new RateLimiter({ policy, accounts: limits });
const redisStore = new RedisStore({ client: new Redis(), prefix: 'limits', timeoutMs: 50 });
expectTypeOf(redisStore).toExtend<Store>();
expectTypeOf(redisStore.stats()).toEqualTypeOf<RedisStoreStats>();
new RateLimiter({ policy, store: new RedisStore({ url: 'redis://127.0.0.1' }) });
new RedisStore({ client: new Cluster5([{ host: '127.0.0.1' }], { keyPrefix: 'shop:' }) });
// @ts-expect-error: no client of ioredis
new RedisStore({ client: new Map() });
// @ts-expect-error: a misspelt option
new RedisStore({ url: 'redis://127.0.0.1', keyPrefix: 'limits' });
expectTypeOf<RedisStoreOptions['maxBatch']>().toEqualTypeOf<number | undefined>();

expectTypeOf(expressRateLimit({ policy, account: 'address' })).toEqualTypeOf<RequestHandler>();
const app = express();
app.use('/v2/accounts/:account_sid', expressRateLimit(expressLegsApi({ policy: legsApiPolicy(), headers: 'both' })));
app.get('/', (request) => {
  expectTypeOf(request.rateLimit).toEqualTypeOf<Decision | undefined>();
});
expressRateLimit({
  limiter,
  account: async (request) => request.get('x-account'),
  cost: (request) => Number(request.query['n']),
  onLimited: (_request, response, decision) => response.status(429).json(decision.quotas),
  onUnavailable: (_request, response, { retryAfterMs }) => response.status(503).json(retryAfterMs),
});
expressRateLimit({
  limiter,
  account: 'address',
  refundWhen: (status, request) => status >= 500 && request.method === 'GET',
  costAfter: async (request, status) => (status === 304 ? 0 : request.url.length),
  costWhenAborted: (request) => (request.complete ? 1 : undefined),
  refundAtMost: perMinute(10),
});
expressRateLimit({ limiter, account: 'address', refundWhen: () => null, costAfter: () => null });
// @ts-expect-error: a client that left has no status
expressRateLimit({ limiter, account: 'address', costWhenAborted: (_request, status: number) => status });
// @ts-expect-error: a cost is a number
expressRateLimit({ limiter, account: 'address', costAfter: () => '4' });
// @ts-expect-error: blocked requests are answered by 429 or 403
expressRateLimit({ limiter, account: 'address', blockedStatus: 404 });
// @ts-expect-error: there is no such header format
expressRateLimit({ policy, account: 'address', headers: 'draft-6' });
// @ts-expect-error: hook is Fastify's
expressRateLimit({ policy, account: 'address', hook: 'preHandler' });
// @ts-expect-error: whom to count has to be given
expressRateLimit({ policy });
expressRateLimit(expressLegsApi({ account: (request, sid) => request.get('x-account') ?? sid?.toLowerCase() }));
// @ts-expect-error: hook is Fastify's
expressRateLimit(expressLegsApi({ hook: 'preHandler' }));

const fastify = Fastify();
await fastify.register(rateLimit, { policy, hook: 'preHandler', account: (request) => request.ip });
await fastify.register(fastifyRateLimit, { limiter, account: 'address' });
await fastify.register(rateLimit, legsApi({ hook: 'preHandler', account: (request, sid) => request.host + sid }));
// @ts-expect-error: whom to count has to be given
await fastify.register(rateLimit, { limiter });
fastify.get('/', { config: { rateLimit: { category: 'legs', cost: 2 } } }, async (request, reply) => {
  expectTypeOf(request.rateLimit).toEqualTypeOf<Decision | null>();
  return reply.send('x');
});
fastify.get(
  '/rows',
  {
    config: {
      rateLimit: {
        refundWhen: (status, request) => status >= 500 && request.method === 'GET',
        costAfter: (request, status) => (status === 200 ? request.id.length : undefined),
        costWhenAborted: async (request) => request.url.length,
      },
    },
  },
  async () => 'x',
);
fastify.get('/health', { config: { rateLimit: false } }, async () => 'x');
// @ts-expect-error: there is no such hook
await fastify.register(rateLimit, { policy, account: 'address', hook: 'onSend' });
await Fastify({ http2: true }).register(rateLimit, { policy, account: 'address' });

expectTypeOf(parsePolicy('')).toEqualTypeOf<ParsedPolicy>();
expectTypeOf<ParsedPolicy['options']>().toExtend<Parameters<typeof definePolicy>[0]>();
expectTypeOf<PolicyProblem['option']>().toEqualTypeOf<string | undefined>();
expectTypeOf(watchPolicyFile('policy.yaml', { limiter })).toEqualTypeOf<Promise<PolicyWatch>>();
const source = accountLimits(async (account, { signal }) =>
  signal.aborted ? null : { total: [perMinute(account.length)] },
);
expectTypeOf(source).toExtend<AccountSource>();
new RateLimiter({ policy, accounts: [source] });
// @ts-expect-error: layerOf is a function, not a number
accountLimits(() => 5);
// @ts-expect-error: a misspelt option
accountLimits(() => undefined, { ttl: 5 });
