import { createHook } from 'node:async_hooks';
import { connect, constants } from 'node:http2';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { MemoryStore, perMinute, RateLimiter } from '@tollgate/core';
import { legsApi, type RateLimitOptions, type RouteRateLimit, rateLimit } from '@tollgate/fastify';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { aMinuteOf } from '../a-minute.js';
import { collectWarnings } from '../warnings.js';

const apps: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

async function build(options: RateLimitOptions, fastifyOptions = {}): Promise<FastifyInstance> {
  const app = Fastify(fastifyOptions);
  apps.push(app);
  await app.register(rateLimit, options);
  return app;
}

function perMinuteOf(limit: number): RateLimitOptions {
  return legsApi({ policy: { quotas: [perMinute(limit)] }, store: new MemoryStore({ clock: () => 0 }) });
}

async function statuses(app: FastifyInstance, ...urls: string[]): Promise<number[]> {
  const found: number[] = [];
  for (const url of urls) found.push((await app.inject(url)).statusCode);
  return found;
}

describe('a route', () => {
  it('switches limiting off with false', async () => {
    const app = await build(perMinuteOf(0));
    app.get('/health', { config: { rateLimit: false } }, async (request) => String(request.rateLimit));
    app.get('/other', async () => 'x');
    const answer = await app.inject('/health');
    expect([answer.statusCode, answer.body]).toEqual([200, 'null']);
    expect(answer.headers).not.toHaveProperty('x-ratelimit-limit');
    expect(await statuses(app, '/other')).toEqual([429]);
  });

  it('overrides options of the plugin, and keeps the others', async () => {
    const app = await build({ ...perMinuteOf(5), account: () => 'a' });
    app.get('/dial', { config: { rateLimit: { category: 'legs', cost: 2 } } }, async () => 'x');
    app.get('/dial-more', { config: { rateLimit: { category: 'legs', cost: async () => 1 } } }, async () => 'x');
    app.get('/free', { config: { rateLimit: { skip: () => true } } }, async () => 'x');
    expect(await statuses(app, '/dial', '/dial', '/dial', '/dial-more', '/dial-more')).toEqual([
      200, 200, 429, 200, 429,
    ]);
    expect(await statuses(app, '/free')).toEqual([200]);
  });

  it('has subjects or charges of its own; charges and account replace each other', async () => {
    const many = [perMinute(1000)];
    const limiter = new RateLimiter({ policy: { quotas: many, each: { key: many, leg: many } } });
    const app = await build({ limiter, account: () => 'a', subjects: { key: 'k1' }, category: 'all' });
    const declare = (url: string, rateLimit: RouteRateLimit, on = app) =>
      on.get(url, { config: { rateLimit } }, async (request) =>
        request.rateLimit!.charges.map(({ account, address, subjects }) => [account ?? address, subjects]),
      );
    declare('/plain', {});
    declare('/own-subjects', { subjects: () => ({ leg: 'l1' }) });
    declare('/several', { charges: (_, { address }) => [{ address }, { account: 'b' }] });
    const parties = async (url: string, on = app) => (await on.inject(url)).json();
    expect(await parties('/plain')).toEqual([['a', { key: 'k1' }]]);
    expect(await parties('/own-subjects')).toEqual([['a', { leg: 'l1' }]]);
    expect(await parties('/several')).toEqual([
      ['127.0.0.1', null],
      ['b', { key: 'k1' }],
    ]);

    const second = await build({ limiter, charges: () => [{ account: 'a' }, { account: 'b' }], category: 'all' });
    declare('/several', {}, second);
    declare('/one/:account', { account: 'account', category: 'one' }, second);
    expect(await parties('/several', second)).toEqual([
      ['a', null],
      ['b', null],
    ]);
    expect(await parties('/one/c', second)).toEqual([['c', null]]);
  });

  it.each<[RouteRateLimit, string]>([
    [{ subjects: { lge: 'x' } }, '`config.rateLimit.subjects.lge` to be a subject of the policy'],
    [{ subjects: 5 as never }, '`config.rateLimit.subjects` to be an object or a function, got 5'],
    [{ charges: [] as never }, '`config.rateLimit.charges` to be a function'],
    [
      { charges: () => [], account: 'shop' },
      'either `config.rateLimit.account` or `config.rateLimit.charges`, got both',
    ],
  ])('with wrong parties throws where it is declared: %j', async (own, message) => {
    const app = await build({ policy: { quotas: [perMinute(1)], each: { leg: [perMinute(1)] } }, account: 'address' });
    expect(() => app.get('/', { config: { rateLimit: own } }, async () => 'x')).toThrow(message);
  });

  it('counts the leg of its parameter, in every spelling, and of a wildcard that of the path', async () => {
    const policy = { quotas: [perMinute(1000)], each: { leg: [perMinute(2)] } };
    const app = await build(legsApi({ policy, category: 'one' }));
    const url = '/v2/accounts/:account_sid/legs';
    app.get(`${url}/:id/actions/:verb`, async () => 'x');
    app.get(`${url}/*`, async () => 'x');
    app.get(`${url}/summary`, async () => 'x');
    const legs = '/v2/accounts/a/legs';
    const ofOne = ['l1/actions/x', '%6c1/actions/y', 'l%31/actions/z', 'l1', '%6c1/other'];
    expect(await statuses(app, ...ofOne.map((path) => `${legs}/${path}`))).toEqual([200, 200, 429, 429, 429]);
    expect(await statuses(app, `${legs}/l2`, `${legs}/l2/actions/x`, `${legs}/l2/x/y`)).toEqual([200, 200, 429]);
    expect(await statuses(app, ...new Array<string>(4).fill(`${legs}/summary`))).toEqual([200, 200, 200, 200]);
  });

  it('gets the subjects of other paths from its pattern, or from each path if the pattern shows none', async () => {
    const policy = { quotas: [perMinute(1000)], each: { key: [perMinute(1)] } };
    const read = (path: string) => ({ account: 'a', category: 'x', subjects: { key: path.split('/')[2] } });
    const shown = { parameter: 'account', category: 'x' };
    const routes = [shown, { ...shown, subjects: { key: 'key' } }, { ...shown, subjects: undefined }, undefined];
    const found: number[][] = [];
    for (const route of routes) {
      const app = await build({ policy, account: 'account', category: 'x', paths: { read, readRoute: () => route } });
      app.get('/:account/:key', async () => 'x');
      found.push(await statuses(app, '/a/k1', '/a/k%31', '/a/k1', '/a/k2'));
    }
    // The function above does not decode.
    const byPath = [200, 200, 429, 200];
    expect(found).toEqual([byPath, [200, 429, 429, 200], [200, 200, 200, 200], byPath]);
  });

  it('has its own refundWhen, costAfter and costWhenAborted, and keeps those of the plugin that it does not set', async () => {
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(1000)] } });
    const app = await build({ limiter, account: () => 'a', cost: 10, costAfter: () => 4 });
    const declare = (url: string, own: RouteRateLimit) =>
      app.get(url, { config: { rateLimit: own } }, async (_request, reply) => reply.code(500).send('x'));
    app.get('/plain', async () => 'x');
    declare('/own-cost', { costAfter: (request, status) => (request.method === 'GET' ? status - 493 : undefined) });
    declare('/own-refund', { refundWhen: (status) => status === 500 });
    declare('/declining', { costAfter: () => undefined, refundWhen: () => false });
    declare('/not-set', { category: 'not-set', costAfter: undefined } as unknown as RouteRateLimit);
    const used = async (url: string, category = 'other') => {
      await app.inject(url);
      return (await limiter.peek({ account: 'a', category, cost: 0 })).tightest?.used;
    };
    expect(await used('/plain')).toBe(4);
    expect(await used('/own-cost')).toBe(4 + 7);
    expect(await used('/own-refund')).toBe(4 + 7);
    expect(await used('/declining')).toBe(4 + 7 + 10);
    expect(await used('/not-set', 'not-set')).toBe(4);
  });

  it('shares the refunds of refundAtMost with the other routes of the plugin', async () => {
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(1000)] } });
    const app = await build({ limiter, account: 'address', refundAtMost: { limit: 3, windowMs: 60_000 } });
    const refundWhen = () => true;
    app.get('/one', { config: { rateLimit: { refundWhen } } }, async () => 'x');
    app.get('/two', { config: { rateLimit: { refundWhen, category: 'two' } } }, async () => 'x');
    app.get('/three', { config: { rateLimit: { costAfter: () => 0, category: 'three' } } }, async () => 'x');
    expect(await statuses(app, '/one', '/two', '/three', '/one', '/two', '/three')).toEqual(new Array(6).fill(200));
    for (const category of ['other', 'two', 'three']) {
      const { tightest } = await limiter.peek({ address: '127.0.0.1', category, cost: 0 });
      expect([category, tightest?.used]).toEqual([category, 1]);
    }
  });

  it('without any function that refunds makes refundAtMost a mistake, which is noticed when the app is ready', async () => {
    const app = await build({ ...perMinuteOf(5), refundAtMost: { limit: 3, windowMs: 60_000 } });
    app.get('/', { config: { rateLimit: { category: 'x' } } }, async () => 'x');
    await expect(app.ready()).rejects.toThrow('Expected `refundWhen` beside `refundAtMost`');
  });

  it('with invalid settings fails where it is declared', async () => {
    const app = await build(perMinuteOf(5));
    const declare = (config: object) => () =>
      app.get(`/${Math.random()}`, { config: { rateLimit: config } }, async () => '');
    expect(declare({ costAfter: 4 })).toThrow(/Expected `config.rateLimit.costAfter` to be a function, got 4/);
    expect(declare({ refundAtMost: {} })).toThrow(/Unknown option `config.rateLimit.refundAtMost`/);
    expect(declare({ cost: '2' })).toThrow(/Expected `config.rateLimit.cost` to be .*got "2"/);
    expect(declare({ max: 5 })).toThrow(/Unknown option `config.rateLimit.max`/);
    expect(declare({ hook: 'preHandler' })).toThrow(/Unknown option `config.rateLimit.hook`/);
  });

  it('with a category that the policy does not have fails where it is declared', async () => {
    const quotas = [perMinute(5)];
    const app = await build({ policy: { quotas, categories: { legs: quotas } }, account: 'address' });
    expect(() => app.get('/dial', { config: { rateLimit: { category: 'leg' } } }, async () => '')).toThrow(
      /`config.rateLimit.category`.*legs/,
    );
    await expect(
      build({ policy: { quotas, categories: { legs: quotas } }, account: 'address', category: 'leg' }),
    ).rejects.toThrow(/`rateLimit.category`.*legs/);
  });

  it('keeps answering when another policy no longer has its category', async () => {
    const quotas = [perMinute(5)];
    const limiter = new RateLimiter({
      policy: { quotas, categories: { legs: quotas, exports: quotas } },
      name: 'next',
    });
    const app = await build({ limiter, account: 'address' });
    for (const path of ['/one', '/two'])
      app.get(path, { config: { rateLimit: { category: 'exports' } } }, async () => 'x');
    expect(await statuses(app, '/one')).toEqual([200]);
    limiter.setPolicy({ quotas, categories: { legs: quotas } });
    expect(await statuses(app, '/one', '/two')).toEqual([200, 200]);
  });

  it('declared before the plugin is limited too', async () => {
    const app = Fastify();
    apps.push(app);
    app.get('/early', { config: { rateLimit: { cost: 2 } } }, async () => 'x');
    await app.register(rateLimit, perMinuteOf(3));
    expect(await statuses(app, '/early', '/early')).toEqual([200, 429]);
  });
});

describe('the hook', () => {
  it('is onRequest, before the body is read; preHandler comes after authentication', async () => {
    const order: string[] = [];
    for (const hook of ['onRequest', 'preValidation', 'preHandler'] as const) {
      const app = await build({
        ...perMinuteOf(1),
        hook,
        account: (request) => {
          order.push(`${hook} ${(request as { user?: string }).user} ${JSON.stringify(request.body)}`);
          return (request as { user?: string }).user;
        },
      });
      app.addHook('preParsing', async (request) => {
        (request as { user?: string }).user = 'ameyo5m';
      });
      app.post('/', async () => 'x');
      await app.inject({ method: 'POST', url: '/', payload: { a: 1 } });
    }
    expect(order).toEqual([
      'onRequest undefined undefined',
      'preValidation ameyo5m {"a":1}',
      'preHandler ameyo5m {"a":1}',
    ]);
  });

  it('refuses an unknown hook', async () => {
    const options = { ...perMinuteOf(1), hook: 'onSend' } as unknown as RateLimitOptions;
    await expect(build(options)).rejects.toThrow(/`rateLimit.hook` to be one of "onRequest".*got "onSend"/);
  });
});

describe('beside other parts of Fastify', () => {
  it('setErrorHandler does not see refusals, setNotFoundHandler is limited too', async () => {
    const app = await build(perMinuteOf(1));
    let errors = 0;
    app.setErrorHandler((_error, _request, reply) => {
      errors++;
      return reply.code(500).send();
    });
    app.setNotFoundHandler((request, reply) => reply.code(404).send(`not found, ${request.rateLimit?.category}`));
    const first = await app.inject('/nowhere');
    expect([first.statusCode, first.body]).toEqual([404, 'not found, other']);
    expect(await statuses(app, '/nowhere-else')).toEqual([429]);
    expect(errors).toBe(0);
  });

  it('a reply serializer or an onSend hook does not change the envelope', async () => {
    const app = await build(perMinuteOf(0));
    app.setReplySerializer((payload) => `wrapped:${JSON.stringify(payload)}`);
    app.addHook('onSend', async (_request, _reply, payload) => payload);
    app.get('/', async () => ({ a: 1 }));
    expect((await app.inject('/')).body).toMatch(/^\{"request_id":"req-1","http_code":429,/);
  });

  it('reads paths like the router, for which a semicolon may start the query', async () => {
    for (const routerOptions of [{ useSemicolonDelimiter: true }, {}]) {
      const app = await build(perMinuteOf(1), { routerOptions });
      app.get('/v2/accounts/:account_sid/legs', async (request) => request.rateLimit?.category);
      app.setNotFoundHandler((request, reply) => reply.code(404).send(request.rateLimit?.category));
      const answer = await app.inject('/v2/accounts/a/legs;x=1');
      expect([answer.statusCode, answer.body]).toEqual(
        'useSemicolonDelimiter' in routerOptions ? [200, 'legs'] : [404, 'other'],
      );
    }
  });

  it('does not see what the router answers itself', async () => {
    const app = await build(perMinuteOf(9));
    app.get('/v2/accounts/:account_sid/legs', async () => 'x');
    for (const [sid, status] of [
      ['%zz', 400],
      ['a'.repeat(101), 414],
      ['a'.repeat(100), 200],
    ] as const) {
      const { statusCode, headers } = await app.inject(`/v2/accounts/${sid}/legs`);
      expect([statusCode, headers['x-ratelimit-limit']]).toEqual([status, status === 200 ? '9' : undefined]);
    }
  });

  it('sends what onLimited returns, as with a handler', async () => {
    for (const onLimited of [() => ({ sorry: 1 }), async () => ({ sorry: 1 })]) {
      const app = await build({ ...perMinuteOf(0), onLimited });
      const answer = await app.inject('/');
      expect([answer.statusCode, answer.json()]).toEqual([429, { sorry: 1 }]);
    }
  });

  it('a route with an undefined option keeps the option of the plugin', async () => {
    const app = await build({ ...perMinuteOf(3), account: () => 'a', cost: 2 });
    app.get(
      '/',
      { config: { rateLimit: { category: 'legs', cost: undefined as unknown as number } } },
      async () => 'x',
    );
    expect(await statuses(app, '/', '/')).toEqual([200, 429]);
  });

  it('the request id is that of Fastify, unless the client sends one', async () => {
    const app = await build(perMinuteOf(0), { genReqId: () => 'ours-1' });
    const idOf = async (headers = {}) => JSON.parse((await app.inject({ url: '/', headers })).body).request_id;
    expect(await idOf()).toBe('ours-1');
    expect(await idOf({ 'x-request-id': 'theirs-1' })).toBe('theirs-1');
  });

  it('registered twice on one instance, both limits apply', async () => {
    const app = await build({ ...perMinuteOf(3), category: 'all' });
    await app.register(rateLimit, perMinuteOf(2));
    app.get('/v2/accounts/:account_sid/legs', async () => 'x');
    app.get('/v2/accounts/:account_sid/bridges', async () => 'x');
    const base = '/v2/accounts/a';
    expect(await statuses(app, `${base}/legs`, `${base}/legs`, `${base}/legs`)).toEqual([200, 200, 429]);
    expect(await statuses(app, `${base}/bridges`)).toEqual([429]);
  });

  it('registered in an encapsulated context, it limits that context alone', async () => {
    const app = Fastify();
    apps.push(app);
    await app.register(async (child) => {
      await child.register(rateLimit, perMinuteOf(1));
      child.get('/inside', async () => 'x');
    });
    app.get('/outside', async () => 'x');
    expect(await statuses(app, '/inside', '/inside', '/outside', '/outside')).toEqual([200, 429, 200, 200]);
  });

  it('works when required from CommonJS and registered directly', async () => {
    const app = Fastify();
    apps.push(app);
    const required: typeof rateLimit = createRequire(import.meta.url)('@tollgate/fastify');
    await app.register(required, legsApi());
    app.get('/', async () => 'x');
    expect((await app.inject('/')).headers['x-ratelimit-limit']).toBe('100');
  });

  it('logs a failed refund, and the charge stays', async () => {
    const lines: string[] = [];
    const app = await build(
      {
        ...perMinuteOf(5),
        refundWhen: () => {
          throw new Error('a bug in the application');
        },
      },
      { logger: { level: 'warn', stream: { write: (line: string) => void lines.push(line) } } },
    );
    app.get('/', async () => 'x');
    await app.inject('/');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({ msg: 'rate limit: the charge could not be corrected' });
  });

  it('works over HTTP/2', async () => {
    const app = Fastify({ http2: true });
    apps.push(app as unknown as FastifyInstance);
    await app.register(rateLimit, perMinuteOf(1));
    app.get('/v2/accounts/:account_sid/legs', async () => 'x');
    await app.listen({ port: 0, host: '127.0.0.1' });
    const session = connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
    const ask = () =>
      new Promise<{ status: unknown; body: string; retryAfter: unknown }>((resolve, reject) => {
        const stream = session.request({ ':path': '/v2/accounts/a/legs', 'x-request-id': 'two' });
        let status: unknown;
        let retryAfter: unknown;
        let body = '';
        stream.on('response', (headers) => {
          status = headers[':status'];
          retryAfter = headers['retry-after'];
        });
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        stream.on('end', () => resolve({ status, body, retryAfter }));
        stream.on('error', reject);
      });
    expect((await ask()).status).toBe(200);
    const refused = await ask();
    session.close();
    expect(refused).toMatchObject({ status: 429, retryAfter: '60' });
    expect(refused.body).toMatch(/^\{"request_id":"two","http_code":429,"response":/);
  });

  it('corrects the charge of an HTTP/2 stream once, and a stream that the client has reset is no answer', async () => {
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(1000)] } });
    const app = Fastify({ http2: true });
    apps.push(app as unknown as FastifyInstance);
    const asked: string[] = [];
    const note = (request: { readonly url: string }, what: unknown) => void asked.push(`${request.url} ${what}`);
    await app.register(rateLimit, {
      limiter,
      account: () => 'a',
      refundWhen: (status, request) => {
        note(request, `refundWhen ${status}`);
        return false;
      },
      costAfter: note,
      costWhenAborted: (request) => {
        note(request, 'aborted');
        return 0;
      },
    });
    let started = 0;
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    app.get('/now', async (_request, reply) => reply.code(202).send('x'));
    app.get('/big', async () => Buffer.alloc(10_000_000));
    app.get('/waits', async () => {
      started++;
      await answered;
      return 'x';
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    const session = connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
    session.on('error', () => {});
    const open = (path: string, method = 'GET') => {
      const stream = session.request({ ':path': path, ':method': method });
      stream.on('error', () => {});
      return stream;
    };
    const seen = async (...expected: string[]) => {
      await expect.poll(() => asked).toEqual(expected);
      asked.splice(0);
    };

    open('/now').resume();
    await seen('/now refundWhen 202', '/now 202');
    open('/now', 'HEAD').resume();
    await seen('/now refundWhen 202', '/now 202');
    open('/big').resume();
    await seen('/big refundWhen 200', '/big 200');
    // A part of it has been sent.
    const big = open('/big');
    big.once('data', () => big.close(constants.NGHTTP2_CANCEL));
    await seen('/big aborted');
    for (const code of [constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR]) {
      const before = started;
      const waits = open('/waits');
      await expect.poll(() => started).toBe(before + 1);
      waits.close(code);
      await seen('/waits aborted');
    }
    open('/waits');
    open('/waits');
    await expect.poll(() => started).toBe(4);
    session.destroy();
    await seen('/waits aborted', '/waits aborted');
    answer();
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toEqual([]);
    // The three that were answered, of 1 each.
    expect((await limiter.peek({ account: 'a', category: 'other', cost: 0 })).tightest?.used).toBe(3);
  });

  it('makes no promise on the in-memory path', async () => {
    let promises = 0;
    const watch = createHook({
      init: (_id, type) => {
        if (type === 'PROMISE') promises++;
      },
    });
    const app = Fastify();
    apps.push(app);
    app.addHook('onRequest', (_request, _reply, done) => {
      watch.enable();
      done();
    });
    await app.register(rateLimit, perMinuteOf(5));
    let decided = false;
    app.addHook('onRequest', (request, _reply, done) => {
      watch.disable();
      decided = request.rateLimit?.allowed === true;
      done();
    });
    app.get('/', (_request, reply) => {
      reply.send('x');
    });
    await app.inject('/');
    expect([decided, promises]).toEqual([true, 0]);
  });
});

describe('a number of hops as trustProxy', () => {
  it('is reported once, since all clients are one address', async () => {
    const warnings = collectWarnings();
    const name = 'hops';
    const app = await build({ ...perMinuteOf(1), account: 'address', name }, { trustProxy: 1 });
    app.get('/', async () => 'x');
    expect((await app.inject('/')).statusCode).toBe(200);
    expect(await warnings()).toEqual([]);
    for (const address of ['203.0.113.7', '203.0.113.8']) {
      const headers = { 'x-forwarded-for': address };
      expect((await app.inject({ url: '/', headers })).statusCode).toBe(429);
    }
    expect(await warnings()).toEqual([expect.stringMatching(/^TOLLGATE_PROXY_HOPS_IGNORED The limiter hops counts/)]);
  });

  it('is no mistake where a function or addresses are trusted', async () => {
    const warnings = collectWarnings();
    for (const trustProxy of [(address: string) => address === '127.0.0.1', ['127.0.0.1'], '127.0.0.1']) {
      const app = await build({ ...perMinuteOf(1), account: 'address' }, { trustProxy });
      app.get('/', async () => 'x');
      const codes: number[] = [];
      for (const address of ['203.0.113.7', '203.0.113.8']) {
        codes.push((await app.inject({ url: '/', headers: { 'x-forwarded-for': address } })).statusCode);
      }
      expect(codes).toEqual([200, 200]);
    }
    expect(await warnings()).toEqual([]);
  });
});

describe('reports about routes', () => {
  it('see the categories of routes that are declared while the plugin loads', async () => {
    const warnings = collectWarnings();
    const app = Fastify();
    apps.push(app);
    const policy = { quotas: [perMinute(1)], categories: { calls: [perMinute(2)] } };
    app.register(rateLimit, { policy, account: 'address', name: 'late-routes' });
    app.get('/calls', { config: { rateLimit: { category: 'calls' } } }, async () => 'x');
    app.get('/other', async () => 'x');
    expect(await statuses(app, '/other', '/calls', '/calls', '/calls')).toEqual([200, 200, 200, 429]);
    await statuses(app, ...new Array<string>(101).fill('/other'));
    expect(await warnings()).toEqual([]);
  });

  it('do not see a 404 as a route without the parameter', async () => {
    const warnings = collectWarnings();
    const app = await build({ ...perMinuteOf(9), paths: undefined as never, account: 'shop', name: 'a-404' });
    app.get('/shops/:shop', async () => 'x');
    app.get('/health', async () => 'x');
    expect(await statuses(app, '/shops/a', '/nowhere')).toEqual([200, 404]);
    expect(await warnings()).toEqual([]);
    expect(await statuses(app, '/health', '/health')).toEqual([200, 200]);
    expect(await warnings()).toEqual([expect.stringContaining('TOLLGATE_NO_PARAMETER The limiter a-404 finds no')]);
  });
});

describe('a plugin that decides nothing in the first minute of its server', () => {
  async function minuteOf(app: FastifyInstance): Promise<readonly string[]> {
    apps.push(app);
    await app.listen({ port: 0, host: '127.0.0.1' });
    return aMinuteOf(app.server, '/hello');
  }

  it('is reported if it is registered in a sibling scope', async () => {
    const app = Fastify();
    await app.register(async (child) => {
      await child.register(rateLimit, { ...perMinuteOf(1), name: 'sibling' });
    });
    app.get('/hello', async () => 'x');
    expect(await minuteOf(app)).toEqual([
      expect.stringContaining('TOLLGATE_NOTHING_DECIDED The limiter sibling is mounted and has decided none of the'),
    ]);
  });

  it('is no mistake on a server that answers nothing, beside another, nor where it decides 404s', async () => {
    const idle = Fastify();
    apps.push(idle);
    await idle.register(rateLimit, { ...perMinuteOf(1), name: 'idle' });
    await idle.listen({ port: 0, host: '127.0.0.1' });
    expect(await minuteOf(await build({ ...perMinuteOf(1), name: '404' }))).toEqual([]);
  });
});

describe('the log', () => {
  async function logged(options: Partial<RateLimitOptions>): Promise<Record<string, unknown>[]> {
    const lines: Record<string, unknown>[] = [];
    const stream = { write: (line: string) => lines.push(JSON.parse(line)) };
    const quotas = [perMinute(1)];
    const policy = { quotas, categories: { events: { quotas, mode: 'observe' as const } } };
    const store = new MemoryStore({ clock: () => 0 });
    const app = await build(legsApi({ policy, store, ...options }), { logger: { stream } });
    app.get('/accounts/:account_sid/*', async () => 'x');
    const urls = ['legs', 'legs', 'legs/l1/external_events', 'legs/l1/external_events'];
    expect(await statuses(app, ...urls.map((path) => `/accounts/a\n%00/${path}`))).toEqual([200, 429, 200, 200]);
    return lines.filter(({ msg }) => !/^(incoming request|request completed)$/.test(String(msg)));
  }

  it('has no line for refusals by default', async () => {
    expect(await logged({})).toEqual([]);
  });

  it("has one line of the request's logger for each refusal, at the given level", async () => {
    const fields = { account: 'a\0', reason: 'limit-reached', retryAfterMs: 60_000 };
    expect(await logged({ logRefusals: 'warn' })).toMatchObject([
      { level: 40, reqId: 'req-2', msg: 'rate limit: refused', rateLimit: { ...fields, category: 'legs' } },
      { level: 40, reqId: 'req-4', msg: 'rate limit: would refuse', rateLimit: { ...fields, category: 'events' } },
    ]);
  });

  it('has the subjects of the request, and each of several charges', async () => {
    const lines: { readonly msg: string; readonly rateLimit?: unknown }[] = [];
    const stream = { write: (line: string) => void lines.push(JSON.parse(line)) };
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(0)] } });
    const app = Fastify({ logger: { stream } });
    apps.push(app);
    const subjects = { key: 'k1' };
    await app.register(rateLimit, { limiter, account: () => 'a', subjects, category: 'x', logRefusals: 'info' });
    app.get('/one', async () => 'x');
    const charges = () => [{ account: 'a' }, { address: '192.0.2.1', category: 'y' }];
    app.get('/two', { config: { rateLimit: { charges } } }, async () => 'x');
    expect(await statuses(app, '/one', '/two')).toEqual([429, 429]);
    const why = { reason: 'cost-above-limit', retryAfterMs: null };
    expect(lines.flatMap(({ msg, rateLimit }) => (msg === 'rate limit: refused' ? [rateLimit] : []))).toEqual([
      { account: 'a', category: 'x', subjects, ...why },
      {
        charges: [
          { account: 'a', category: 'x', subjects },
          { address: '192.0.2.1', category: 'y' },
        ],
        ...why,
      },
    ]);
  });

  it('has only levels of Fastify', async () => {
    await expect(build({ ...perMinuteOf(1), logRefusals: 'loud' as never })).rejects.toThrow(/`rateLimit.logRefusals`/);
  });

  it('can be written by onRefused', async () => {
    const received: unknown[] = [];
    const onRefused: RateLimitOptions['onRefused'] = ({ id }, { category }) => received.push([id, category]);
    await logged({ onRefused });
    expect(received).toEqual([
      ['req-2', 'legs'],
      ['req-4', 'events'],
    ]);
  });
});
