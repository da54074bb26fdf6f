import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { perMinute, RateLimiter, type Store } from '@tollgate/core';
import { legsApi, rateLimit } from '@tollgate/fastify';
import { RedisStore } from '@tollgate/redis';
import Fastify from 'fastify';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { RunningServer } from '../redis-servers/standalone.js';
import { Collector } from './collector.js';

const exporter = new InMemorySpanExporter();
const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).getTracer('test');

let server: RunningServer;
let collector: Collector | undefined;
beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  server = await RunningServer.start();
});
afterAll(async () => {
  context.disable();
  await server?.stop();
});
afterEach(async () => {
  exporter.reset();
  await collector?.stop();
});

/** The attributes of the finished spans, in the order of their names. */
function recorded(): unknown[] {
  const spans = exporter.getFinishedSpans().map(({ name, attributes }) => [name, attributes] as const);
  return spans.sort(([one], [other]) => Number(one) - Number(other)).map(([, attributes]) => attributes);
}

/** Runs a function in a span of its own, as an instrumented framework runs a request. */
function inSpan<T>(name: string, act: () => T | Promise<T>): Promise<T> {
  return tracer.startActiveSpan(name, async (span) => {
    try {
      return await act();
    } finally {
      span.end();
    }
  });
}

const admitted = {
  'tollgate.limiter.name': 'api',
  'tollgate.category': 'legs',
  'tollgate.outcome': 'admitted',
  'tollgate.reason': 'admitted',
};
const refused = { ...admitted, 'tollgate.outcome': 'refused', 'tollgate.reason': 'limit-reached' };

it('a decision sets attributes on the active span, without the account, and creates no span', async () => {
  collector = new Collector();
  const app = Fastify();
  app.addHook('onRequest', (request, reply, done) => {
    tracer.startActiveSpan(request.id.replace('req-', ''), (span) => {
      reply.raw.once('finish', () => span.end());
      done();
    });
  });
  await app.register(rateLimit, legsApi({ policy: { quotas: [perMinute(1)] }, name: 'api' }));
  app.get('/accounts/:account_sid/legs', async () => 'x');
  for (let sent = 0; sent < 2; sent++) await app.inject('/accounts/ameyo5m/legs');
  await app.close();
  await expect.poll(recorded).toEqual([admitted, refused]);
});

it('decisions that share one call of Redis are each recorded on their own span', async () => {
  collector = new Collector();
  const store = new RedisStore({ url: server.url });
  // On a busy machine, connecting takes longer than a decision waits for Redis.
  await store.ready();
  const limiter = new RateLimiter({ name: 'api', store, policy: { quotas: [perMinute(10)] } });
  const charge = { account: 'ameyo5m', category: 'legs' };
  const decisions = await Promise.all(
    Array.from({ length: 20 }, (_, index) => inSpan(String(index), () => limiter.consume(charge))),
  );
  expect(decisions.map(({ allowed }) => allowed)).toEqual([...Array(10).fill(true), ...Array(10).fill(false)]);
  expect(recorded()).toEqual([...Array(10).fill(admitted), ...Array(10).fill(refused)]);
  await limiter.close();
  await store.close();
});

it('decisions made by a deadline or an open circuit are recorded on their own span', async () => {
  collector = new Collector();
  const silent: Store = {
    consume: () => new Promise(() => {}),
    peek: () => new Promise(() => {}),
    refund: () => undefined,
    reset: () => undefined,
    close: () => undefined,
  };
  const limiter = new RateLimiter({ name: 'api', store: silent, timeoutMs: 20, policy: { quotas: [perMinute(6)] } });
  const charge = { account: 'ameyo5m', category: 'legs' };
  const decisions = await Promise.all(
    Array.from({ length: 12 }, (_, index) => inSpan(String(index), () => limiter.consume(charge))),
  );
  expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(6);
  expect(recorded()).toEqual(decisions.map(({ allowed }) => (allowed ? admitted : refused)));
  limiter.close();
});

it('a refusal stays when several decisions share a span', async () => {
  collector = new Collector();
  const quotas = [perMinute(1)];
  const tried = new RateLimiter({ name: 'api', policy: { quotas, mode: 'observe' } });
  const limiter = new RateLimiter({ name: 'other', policy: { quotas: [perMinute(5)] } });
  const charge = { account: 'ameyo5m', category: 'legs' };
  await inSpan('1', () => {
    void limiter.consume(charge);
    void tried.consume(charge);
    void tried.consume(charge);
    void limiter.consume(charge);
  });
  expect(recorded()).toEqual([{ ...refused, 'tollgate.outcome': 'would_refuse' }]);
  // A charge without an active span is decided all the same.
  void limiter.consume(charge);
  expect(trace.getActiveSpan()).toBeUndefined();
});

it('no attribute is set with `spans: false`', async () => {
  collector = new Collector({ spans: false });
  const limiter = new RateLimiter({ policy: { quotas: [perMinute(5)] } });
  await inSpan('1', () => limiter.consume({ account: 'ameyo5m', category: 'legs' }));
  expect(recorded()).toEqual([{}]);
});
