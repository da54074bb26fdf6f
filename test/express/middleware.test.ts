import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { createRequire } from 'node:module';
import { MemoryStore, perMinute, RateLimiter } from '@tollgate/core';
import type { LimiterMessage } from '@tollgate/core/channels';
import { legsApi, type RateLimitOptions, rateLimit } from '@tollgate/express';
import express, { Router } from 'express';
import { afterEach, describe, expect, it } from 'vitest';
import { listening, type Running } from '../contract/http/adapter.js';
import { rawFetch } from '../contract/http/raw.js';
import { collectWarnings } from '../warnings.js';

const running: Running[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
});

async function serve(app: express.Express): Promise<string> {
  const one = await listening(createServer(app));
  running.push(one);
  return one.origin;
}

function perMinuteOf(limit: number): RateLimitOptions {
  return legsApi({ policy: { quotas: [perMinute(limit)] }, store: new MemoryStore({ clock: () => 0 }) });
}

async function statuses(origin: string, ...paths: string[]): Promise<number[]> {
  const found: number[] = [];
  for (const path of paths) found.push((await rawFetch(origin, path)).status);
  return found;
}

describe('Express middleware', () => {
  it('finds the account in a nested router that does not merge parameters', async () => {
    const app = express();
    const legs = Router();
    legs.use(rateLimit(perMinuteOf(1)));
    legs.get('/', (request, response) => void response.json(request.rateLimit));
    app.use('/v2/accounts/:account_sid/legs', legs);
    const origin = await serve(app);
    expect(JSON.parse((await rawFetch(origin, '/v2/accounts/a/legs')).body)).toMatchObject({
      account: 'a',
      category: 'legs',
    });
    expect(await statuses(origin, '/v2/accounts/a/legs', '/v2/accounts/b/legs')).toEqual([429, 200]);
  });

  it('charges on a route, and middleware before it with another limiter, each decide', async () => {
    const app = express();
    const store = new MemoryStore({ clock: () => 0 });
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(2)] }, store });
    app.use(rateLimit({ policy: { quotas: [perMinute(5)] }, account: 'address' }));
    const charges = ({ params }: express.Request) => [
      { account: String(params['from']) },
      { account: String(params['to']) },
    ];
    app.get('/:from/:to', rateLimit({ limiter, charges }), (request, response) => {
      response.json(request.rateLimit?.charges.map(({ account }) => account));
    });
    const origin = await serve(app);
    expect((await rawFetch(origin, '/ada/bob')).body).toBe('["ada","bob"]');
    expect(await statuses(origin, '/ada/cy', '/ada/dan', '/dan/bob', '/eve/bob')).toEqual([200, 429, 200, 429]);
  });

  it('can be mounted on a single route, with a category of its own', async () => {
    const app = express();
    app.post(
      '/calls',
      rateLimit({ ...perMinuteOf(2), category: 'legs', cost: 2 }),
      (_request, response) => void response.end(),
    );
    app.get('/free', (_request, response) => void response.end());
    const origin = await serve(app);
    const call = () => rawFetch(origin, '/calls', { method: 'POST' });
    expect([(await call()).status, (await call()).status]).toEqual([200, 429]);
    expect(await statuses(origin, '/free')).toEqual([200]);
  });

  it('corrects charges by functions of its own on each route, with refunds of its own', async () => {
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(1000)] } });
    const app = express();
    const refundAtMost = { limit: 1, windowMs: 60_000 };
    const options = { limiter, account: () => 'a', cost: 10 };
    app.get('/settled', rateLimit({ ...options, costAfter: ({ path }, status) => path.length + status - 200 }));
    app.get(
      '/free',
      rateLimit({ ...options, category: 'free', refundWhen: (_, { path }) => path === '/free', refundAtMost }),
    );
    app.get('/too', rateLimit({ ...options, category: 'too', refundWhen: () => true, refundAtMost }));
    app.use((_request, response) => void response.end());
    const origin = await serve(app);
    expect(await statuses(origin, '/settled', '/free', '/free', '/too', '/too')).toEqual(new Array(5).fill(200));
    for (const [category, used] of [
      ['other', 8],
      ['free', 10],
      ['too', 10],
    ] as const) {
      expect((await limiter.peek({ account: 'a', category, cost: 0 })).tightest?.used).toBe(used);
    }
  });

  it('asks costWhenAborted about a client that leaves in the middle of the body, and refundWhen about no such', async () => {
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(1000)] } });
    const app = express();
    const asked: string[] = [];
    const sent = { bytes: 0 };
    app.use(
      rateLimit({
        limiter,
        account: () => 'a',
        cost: 10,
        refundWhen: () => {
          asked.push('refundWhen');
          return true;
        },
        costAfter: () => void asked.push('costAfter'),
        costWhenAborted: () => {
          asked.push('costWhenAborted');
          return sent.bytes;
        },
      }),
      (_request, response) => {
        sent.bytes = 3;
        response.status(500).write('abc');
      },
    );
    const request = get(await serve(app));
    request.on('error', () => {});
    const [response] = await once(request, 'response');
    response.on('error', () => {});
    request.destroy();
    await expect.poll(() => asked).toEqual(['costWhenAborted']);
    expect((await limiter.peek({ account: 'a', category: 'other', cost: 0 })).tightest?.used).toBe(3);
  });

  it('counts by the path that Express routes, in any spelling', async () => {
    const app = express();
    app.use(rateLimit(perMinuteOf(2)));
    app.use('/v2/accounts/:account_sid/legs', (request, response) => void response.end(request.params.account_sid));
    const origin = await serve(app);
    // For a target with a #, Express uses a parser that reads a backslash as a slash.
    const spellings = [
      '/v2/accounts/a\\legs\\1#',
      '/v2/accounts/a\\legs\\2#',
      '/v2/accounts\\a/legs#x',
      '/v2/accounts/a/legs',
    ];
    expect(await statuses(origin, ...spellings)).toEqual([200, 200, 429, 429]);

    const mounted = express();
    mounted.use('/v2/accounts/:account_sid', rateLimit(perMinuteOf(1)));
    mounted.use((request, response) => void response.end(request.rateLimit?.category));
    const mountedOrigin = await serve(mounted);
    expect((await rawFetch(mountedOrigin, '/v2/accounts/a/legs\\1\\actions#')).body).toBe('actions');
    expect(await statuses(mountedOrigin, '/v2/accounts/a/legs/1/actions')).toEqual([429]);
  });

  it('counts by the URL that an earlier middleware has set', async () => {
    const app = express();
    app.use((request, _response, next) => {
      request.url = request.url.replace('/short', '/v2/accounts/a/legs');
      next();
    });
    app.use(rateLimit(perMinuteOf(2)));
    app.use((request, response) => void response.end(request.rateLimit?.account));
    const origin = await serve(app);
    expect((await rawFetch(origin, '/short?a=/bridges')).body).toBe('a');
    expect(await statuses(origin, '/v2/accounts/a/legs', '/short')).toEqual([200, 429]);
  });

  it('writes its headers with the documented capitals', async () => {
    const app = express();
    app.use(rateLimit(perMinuteOf(0)));
    const { port } = new URL(await serve(app));
    const names = await new Promise<readonly string[]>((resolve, reject) => {
      get({ port, agent: false }, (response) => {
        response.resume();
        resolve(response.rawHeaders.filter((_, index) => index % 2 === 0));
      }).on('error', reject);
    });
    expect(names.slice(1, 7)).toEqual([
      'X-RateLimit-Limit',
      'X-RateLimit-Remaining',
      'X-RateLimit-Reset',
      'Cache-Control',
      'Content-Type',
      'Content-Length',
    ]);
  });

  it('does not change a response that has ended', async () => {
    const errors: unknown[] = [];
    const app = express();
    app.use((_request, response, next) => {
      response.end('ended');
      next();
    });
    app.use(rateLimit({ ...perMinuteOf(0), headers: false }));
    app.use(((error, _request, _response, _next) => void errors.push(error)) as express.ErrorRequestHandler);
    const origin = await serve(app);
    expect((await rawFetch(origin, '/')).body).toBe('ended');
    expect((await rawFetch(origin, '/')).body).toBe('ended');
    expect(errors).toEqual([]);
  });

  it('passes the error of a response that refuses a header to next', () => {
    const received: unknown[] = [];
    const response = {
      headersSent: false,
      setHeader: () => {
        throw new Error('not this header');
      },
    };
    rateLimit({ ...perMinuteOf(1), account: () => 'a', category: 'legs' })(
      { headers: {}, params: {}, url: '/', baseUrl: '' } as never,
      response as never,
      (error) => void received.push(error),
    );
    expect(received).toEqual([new Error('not this header')]);
  });

  it('continues an admitted request after its response has started, and fails a refused one', async () => {
    const app = express();
    app.use((_request, response, next) => {
      response.write('begun ');
      next();
    });
    app.use(rateLimit(perMinuteOf(1)));
    app.use((_request, response) => void response.end('ended'));
    const origin = await serve(app);
    expect(await (await fetch(origin)).text()).toBe('begun ended');
    await expect(fetch(origin).then((response) => response.text())).rejects.toThrow('terminated');
  });

  it("uses the request's id if a middleware has set one", async () => {
    const app = express();
    app.use((request, _response, next) => {
      (request as { id?: string }).id = 'given-1';
      next();
    });
    app.use(rateLimit(perMinuteOf(0)));
    const origin = await serve(app);
    expect(JSON.parse((await rawFetch(origin, '/')).body).request_id).toBe('given-1');
  });

  it('calls next in the same tick if nothing is async', () => {
    const middleware = rateLimit({ ...perMinuteOf(1), account: () => 'a' });
    let called = 0;
    const request = { headers: {}, params: {}, baseUrl: '', url: '/', ip: '127.0.0.1' };
    const response = { headersSent: false, destroyed: false, setHeader: () => {} };
    middleware(request as never, response as never, () => {
      called++;
    });
    expect(called).toBe(1);
  });

  it('calls onRefused for each refusal and would-be refusal, and ignores its failures', async () => {
    const received: unknown[] = [];
    const warned = once(process, 'warning');
    const quotas = [perMinute(1)];
    const app = express();
    app.use(
      rateLimit({
        ...legsApi(),
        policy: { quotas, categories: { events: { quotas, mode: 'observe' } } },
        onRefused: ({ method }, { category, wouldRefuse }) => {
          received.push([method, category, wouldRefuse]);
          throw new Error('a full disk');
        },
      }),
      (_request, response) => void response.end(),
    );
    const origin = await serve(app);
    const events = '/legs/l1/external_events';
    expect(await statuses(origin, '/legs', '/legs', events, events)).toEqual([200, 429, 200, 200]);
    expect(received).toEqual([
      ['GET', 'legs', false],
      ['GET', 'events', true],
    ]);
    expect(String((await warned)[0])).toContain('The function onRefused failed: a full disk');
  });

  it('passes its name to the limiter that it makes, and refuses one together with a limiter', async () => {
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(1)] } });
    expect(() => rateLimit({ limiter, name: 'api', account: 'address' })).toThrow(/got both/);
    expect(() => rateLimit({ ...perMinuteOf(1), name: '' })).toThrow(/`rateLimit.name`/);
    const names: string[] = [];
    const listener = (message: unknown) => names.push((message as LimiterMessage).limiter.name);
    subscribe('tollgate:limiter', listener);
    rateLimit({ ...perMinuteOf(1), name: 'api' });
    unsubscribe('tollgate:limiter', listener);
    expect(names).toEqual(['api']);
  });

  it('that each request makes after an await is reported, and one that is kept is not', async () => {
    const warnings = collectWarnings();
    const app = express();
    const kept = rateLimit({ ...perMinuteOf(1), name: 'kept' });
    app.use('/kept', kept);
    app.use('/made', async (request, response, next) => {
      await new Promise((resolve) => setImmediate(resolve));
      rateLimit({ ...perMinuteOf(1), name: 'made-late' })(request, response, next);
    });
    app.use((_request, response) => void response.end());
    const origin = await serve(app);
    await statuses(origin, ...new Array<string>(100).fill('/kept'));
    expect(await statuses(origin, ...new Array<string>(99).fill('/made'))).not.toContain(429);
    expect(await warnings()).toEqual([]);
    await statuses(origin, '/made', '/made');
    expect(await warnings()).toEqual([
      expect.stringContaining('TOLLGATE_MADE_PER_REQUEST A limiter made-late is made again for each request'),
    ]);
  });

  it('works when required from CommonJS', async () => {
    const required = createRequire(import.meta.url)('@tollgate/express') as { rateLimit: typeof rateLimit };
    const app = express();
    app.use(required.rateLimit(perMinuteOf(0)));
    expect(await statuses(await serve(app), '/')).toEqual([429]);
  });
});
