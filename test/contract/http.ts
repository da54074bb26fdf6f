import {
  definePolicy,
  legsApiPolicy,
  MemoryStore,
  perMinute,
  perSecond,
  RateLimiter,
  type Store,
} from '@tollgate/core';
import got from 'got';
import { parseList } from 'structured-headers';
import { Agent, RetryAgent, request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import type { Adapter, CommonOptions, Running, Setup } from './http-adapter.js';
import { RawConnection, rawFetch, rawRequest } from './raw-http.js';

const ENVELOPE_REST =
  ',"http_code":429,"response":{"error":{"code":"RATE_LIMIT_EXCEEDED","message":"Rate limit exceeded. Please retry after some time."}}}';
const LEGS = '/v2/accounts/ameyo5m/legs';

/** The HTTP behaviour that every adapter owes, over real sockets. */
export function describeHttp(adapter: Adapter): void {
  describe(adapter.name, () => {
    const closing: (() => Promise<void> | void)[] = [];
    afterEach(async () => {
      for (const close of closing.splice(0)) await close();
    });

    /** Time that only the test moves. */
    const time = { now: 1_000_000 };
    const memory = () => new MemoryStore({ clock: () => time.now });

    async function start(options: CommonOptions, setup: Partial<Setup> = {}): Promise<Running> {
      return startAll([options], setup);
    }

    async function startAll(limiters: readonly CommonOptions[], setup: Partial<Setup> = {}): Promise<Running> {
      const running = await adapter.start({ ...setup, limiters });
      closing.push(running.close);
      return running;
    }

    function limited(limit: number, options: Partial<CommonOptions> = {}): CommonOptions {
      return { policy: { quotas: [perMinute(limit)] }, store: memory(), ...options };
    }

    function open(running: Running): RawConnection {
      const connection = new RawConnection(running.origin);
      closing.push(() => connection.close());
      return connection;
    }

    async function statuses(running: Running, paths: readonly string[], headers: readonly string[] = []) {
      const found: number[] = [];
      for (const path of paths) found.push((await rawFetch(running.origin, path, { headers })).status);
      return found;
    }

    describe('the limit', () => {
      it('admits 100 a minute, refuses the 101st, and leaves other categories and accounts alone', async () => {
        const running = await start({ policy: legsApiPolicy(), store: memory() });
        const connection = open(running);
        for (let sent = 0; sent < 100; sent++) {
          await connection.write(rawRequest(LEGS));
          const answer = await connection.read();
          expect(answer.status).toBe(200);
          expect(answer.headers['x-ratelimit-remaining']).toBe(String(99 - sent));
        }
        expect(await statuses(running, [LEGS, `${LEGS}/l1`])).toEqual([429, 429]);
        expect(await statuses(running, ['/v2/accounts/ameyo5m/bridges', `${LEGS}/l1/actions/hangup`])).toEqual([
          200, 200,
        ]);
        expect(await statuses(running, ['/v2/accounts/other/legs'])).toEqual([200]);
      });

      it('admits again exactly when the refusal said', async () => {
        const running = await start(limited(1));
        await rawFetch(running.origin, LEGS);
        time.now += 20_001;
        const refused = await rawFetch(running.origin, LEGS);
        expect(refused.headers['retry-after']).toBe('40');
        time.now += 39_998;
        expect(await statuses(running, [LEGS])).toEqual([429]);
        time.now += 1;
        expect(await statuses(running, [LEGS])).toEqual([200]);
      });

      it('decides pipelined requests one by one, in order', async () => {
        const connection = open(await start(limited(3)));
        await connection.write(rawRequest(LEGS).repeat(5));
        const answers = [];
        for (let read = 0; read < 5; read++) answers.push(await connection.read());
        expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
        expect(answers.map(({ headers }) => headers['x-ratelimit-remaining'])).toEqual(['2', '1', '0', '0', '0']);
      });

      it('gives each of two requests handled in one tick its own numbers', async () => {
        let arrived = 0;
        let release: () => void = () => {};
        const both = new Promise<void>((resolve) => {
          release = resolve;
        });
        const running = await start(limited(5), {
          beforeAnswer: () => {
            arrived++;
            if (arrived === 2) release();
            return both;
          },
        });
        const answers = await Promise.all([rawFetch(running.origin, LEGS), rawFetch(running.origin, LEGS)]);
        const used = answers.map(({ body }) => JSON.parse(body).decision.quotas[0].used);
        expect(used.sort()).toEqual([1, 2]);
      });

      it('never admits more than the limit of requests that come all at once', async () => {
        const running = await start(limited(30));
        const all = await Promise.all(Array.from({ length: 60 }, () => rawFetch(running.origin, LEGS)));
        expect(all.filter(({ status }) => status === 200)).toHaveLength(30);
        expect(all.filter(({ status }) => status === 429)).toHaveLength(30);
      });
    });

    describe('the refusal', () => {
      it('is the envelope, byte for byte', async () => {
        const running = await start(limited(0));
        const id = 'c6084ac2e9a44812824b42577f01937b';
        const answer = await rawFetch(running.origin, LEGS, { headers: [`X-Request-Id: ${id}`] });
        expect(answer.statusLine).toBe('HTTP/1.1 429 Too Many Requests');
        expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
        expect(answer.headers['cache-control']).toBe('no-store');
        expect(answer.body).toBe(`{"request_id":"${id}"${ENVELOPE_REST}`);
        expect(answer.headers['content-length']).toBe(String(answer.body.length));
      });

      it('has a request id of its own where the request brings none that is sane', async () => {
        const running = await start(limited(0));
        for (const headers of [[], ['X-Request-Id: "><script>'], [`X-Request-Id: ${'a'.repeat(129)}`]]) {
          const { body } = await rawFetch(running.origin, LEGS, { headers });
          const { request_id: id } = JSON.parse(body);
          expect(body).toBe(`{"request_id":"${id}"${ENVELOPE_REST}`);
          expect(id).toMatch(/^([0-9a-f]{32}|req-[0-9a-z]+)$/);
        }
      });

      it('says code and message as they are set', async () => {
        const running = await start(limited(0, { code: 'SLOW_DOWN', message: 'Später "bitte"' }));
        const answer = await rawFetch(running.origin, LEGS);
        expect(JSON.parse(answer.body).response.error).toEqual({ code: 'SLOW_DOWN', message: 'Später "bitte"' });
        expect(answer.headers['content-length']).toBe(String(Buffer.byteLength(answer.body)));
      });

      it('has the headers and no body under HEAD, and leaves the connection usable', async () => {
        const connection = open(await start(limited(1)));
        await connection.write(rawRequest(LEGS));
        expect((await connection.read()).status).toBe(200);
        await connection.write(rawRequest(LEGS, { method: 'HEAD' }));
        const answer = await connection.read({ head: true });
        expect(answer.status).toBe(429);
        expect(answer.headers['retry-after']).toBe('60');
        expect(Number(answer.headers['content-length'])).toBeGreaterThan(100);
        await connection.write(rawRequest(LEGS));
        expect((await connection.read()).body).toMatch(/^\{"request_id"/);
      });

      it('comes while a body of 10 MB is still being sent', async () => {
        const running = await start(limited(0));
        const size = 10 * 1024 * 1024;
        const connection = open(running);
        const headers = ['Content-Type: application/octet-stream', `Content-Length: ${size}`];
        await connection.write(rawRequest(LEGS, { method: 'POST', headers }) + 'x'.repeat(1000));
        expect((await connection.read()).status).toBe(429);
        await connection.write(Buffer.alloc(size - 1000)).catch(() => 'the server may close instead of reading on');

        const agent = new Agent();
        closing.push(() => agent.destroy());
        const whole = await request(running.origin + LEGS, {
          method: 'POST',
          body: Buffer.alloc(size),
          dispatcher: agent,
        });
        expect(whole.statusCode).toBe(429);
        expect(await whole.body.text()).toContain('RATE_LIMIT_EXCEEDED');
        expect(await statuses(running, ['/v2/accounts/ameyo5m/bridges'])).toEqual([429]);
      });

      it('answers Expect: 100-continue, whether the host invites the body or leaves that to the application', async () => {
        const headers = ['Content-Length: 5', 'Expect: 100-continue'];
        const running = await start(limited(0));
        const invited = open(running);
        await invited.write(rawRequest(LEGS, { method: 'POST', headers }));
        expect((await invited.read()).status).toBe(100);
        expect((await invited.read()).status).toBe(429);
        await invited.write(`hello${rawRequest(LEGS)}`);
        expect((await invited.read()).status).toBe(429);

        const { server } = running;
        server.on('checkContinue', (incoming, response) => server.emit('request', incoming, response));
        const spared = open(running);
        await spared.write(rawRequest(LEGS, { method: 'POST', headers }));
        const answer = await spared.read();
        expect(answer.status).toBe(429);
        expect(answer.headers['connection']).toBe('close');
      });

      it('hurts no one when the client has left before the decision', async () => {
        let decide: (account: string) => void = () => {};
        let asked: () => void = () => {};
        const account = new Promise<string>((resolve) => {
          decide = resolve;
        });
        const reached = new Promise<void>((resolve) => {
          asked = resolve;
        });
        const running = await start(
          limited(0, {
            account: () => {
              asked();
              return account;
            },
          }),
          { mount: 'root' },
        );
        const connection = open(running);
        await connection.write(rawRequest('/anything'));
        await reached;
        const gone = new Promise((resolve) => connection.socket.once('close', resolve));
        connection.close();
        await gone;
        decide('ameyo5m');
        expect(await statuses(running, ['/anything'])).toEqual([429]);
      });

      it('never reaches the error handler of the application', async () => {
        const running = await start(limited(0), { errorHandler: true });
        const answer = await rawFetch(running.origin, LEGS);
        expect(answer.status).toBe(429);
        expect(JSON.parse(answer.body).http_code).toBe(429);
      });

      it('is replaced by onLimited, async or not, which finds the headers set', async () => {
        for (const wait of [undefined, Promise.resolve()]) {
          const running = await start(
            limited(0, {
              onLimited: (_request, response, { allowed, reason }) => {
                if (wait === undefined) return response.end(503, `${allowed} ${reason}`);
                return wait.then(() => response.end(503, `${allowed} ${reason}`));
              },
            }),
          );
          const answer = await rawFetch(running.origin, LEGS);
          expect([answer.status, answer.body]).toEqual([503, 'false cost-above-limit']);
          expect(answer.headers['x-ratelimit-limit']).toBe('0');
        }
      });

      it('names no time that would not help', async () => {
        const running = await start(limited(5, { cost: 6 }));
        const answer = await rawFetch(running.origin, LEGS);
        expect(answer.status).toBe(429);
        expect(answer.headers).not.toHaveProperty('retry-after');
      });
    });

    describe('headers', () => {
      const policy = definePolicy({
        quotas: [perSecond(2, { name: 'burst' }), perMinute(10, { name: 'sus"tained' })],
        total: [perMinute(20)],
      });

      it('are X-RateLimit-* of the tightest quota by default', async () => {
        const running = await start({ policy, store: memory() });
        const before = Math.floor(Date.now() / 1000);
        const answer = await rawFetch(running.origin, LEGS);
        const after = Math.ceil(Date.now() / 1000);
        expect(answer.headers).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '1' });
        const reset = Number(answer.headers['x-ratelimit-reset']);
        expect(reset).toBeGreaterThanOrEqual(before + 1);
        expect(reset).toBeLessThanOrEqual(after + 1);
        for (const name of ['ratelimit', 'ratelimit-policy', 'retry-after'])
          expect(answer.headers).not.toHaveProperty(name);
      });

      it('are those of draft 11 on demand, valid Structured Fields', async () => {
        const running = await start({ policy, store: memory(), headers: 'draft-11' });
        await rawFetch(running.origin, LEGS);
        time.now += 300;
        const { headers } = await rawFetch(running.origin, LEGS);
        expect(headers['ratelimit-policy']).toBe(
          '"burst";q=2;w=1,"sus\\"tained";q=10;w=60,"total-per-minute";q=20;w=60',
        );
        expect(headers['ratelimit']).toBe('"burst";r=0;t=1,"sus\\"tained";r=8;t=60,"total-per-minute";r=18;t=60');
        const [burst, sustained] = parseList(headers['ratelimit']!);
        expect(burst![0]).toBe('burst');
        expect([...sustained![1]]).toEqual([
          ['r', 8],
          ['t', 60],
        ]);
        expect(parseList(headers['ratelimit-policy']!)).toHaveLength(3);
        expect(headers).not.toHaveProperty('x-ratelimit-limit');
      });

      it('are both or none, and Retry-After comes even with none', async () => {
        const both = await start(limited(1, { headers: 'both' }));
        const { headers } = await rawFetch(both.origin, LEGS);
        expect(headers).toHaveProperty('ratelimit');
        expect(headers).toHaveProperty('x-ratelimit-limit');
        const none = await start(limited(1, { headers: false }));
        const admitted = await rawFetch(none.origin, LEGS);
        const refused = await rawFetch(none.origin, LEGS);
        for (const answer of [admitted, refused]) {
          expect(Object.keys(answer.headers).filter((name) => name.includes('ratelimit'))).toEqual([]);
        }
        expect(refused.headers['retry-after']).toBe('60');
      });
    });

    describe('the account', () => {
      const one = limited.bind(undefined, 1);

      it('is one in every percent-encoded spelling, wherever the limiter is mounted', async () => {
        for (const mount of ['account', 'root'] as const) {
          const running = await start(one(), { mount });
          const spellings = ['ameyo5m', '%61meyo5m', 'ameyo5%6D', 'ameyo5%6d'].map((id) => `/v2/accounts/${id}/legs`);
          expect(await statuses(running, spellings)).toEqual([200, 429, 429, 429]);
        }
      });

      it('is found after /accounts/ where there is no parameter, whatever its prefix', async () => {
        const running = await start(one(), { mount: 'root' });
        const paths = [
          '/v2/accounts/a/legs',
          '/v2/accounts/b/legs',
          '//api//Accounts//a/legs',
          '/accounts/b/legs?x=/accounts/c',
        ];
        expect(await statuses(running, paths)).toEqual([200, 200, 429, 429]);
      });

      it('is never the user name of Basic authentication: its keys share its limits', async () => {
        const running = await start(one());
        const as = (key: string) => [`Authorization: Basic ${Buffer.from(`${key}:token`).toString('base64')}`];
        expect(await statuses(running, [LEGS], as('key-1'))).toEqual([200]);
        expect(await statuses(running, [LEGS], as('key-2'))).toEqual([429]);
      });

      it('is what the function says before a path that the client may choose, and nothing outranks the parameter', async () => {
        const options = one({ account: ({ headers }) => headers['x-account'] as string | undefined });
        const root = await start(options, { mount: 'root' });
        const paths = ['/files/accounts/a', '/files/accounts/b', '/files/accounts/c'];
        expect(await statuses(root, paths, ['X-Account: me'])).toEqual([200, 429, 429]);
        expect(await statuses(root, paths)).toEqual([200, 200, 200]);
        const mounted = await start({ ...options, store: memory() });
        expect(await statuses(mounted, [LEGS], ['X-Account: me'])).toEqual([200]);
        expect(await statuses(mounted, [LEGS], ['X-Account: you'])).toEqual([429]);
      });

      it('is what the function says where the path names none, and then the address', async () => {
        const running = await start(
          one({ account: async ({ headers }) => headers['x-account'] as string | undefined }),
          { mount: 'root' },
        );
        expect(await statuses(running, ['/status'], ['X-Account: a'])).toEqual([200]);
        expect(await statuses(running, ['/status'], ['X-Account: b'])).toEqual([200]);
        expect(await statuses(running, ['/status'], ['X-Account: a'])).toEqual([429]);
        expect(await statuses(running, ['/status', '/status'])).toEqual([200, 429]);
      });

      it('without any, is the address: IPv4 in IPv6 is IPv4, and IPv6 counts by /56', async () => {
        const running = await start(one(), { mount: 'root', trustProxy: true });
        const from = async (address: string) =>
          (await statuses(running, ['/status'], [`X-Forwarded-For: ${address}`]))[0];
        expect(await from('203.0.113.7')).toBe(200);
        expect(await from('::ffff:203.0.113.7')).toBe(429);
        expect(await from('203.0.113.8')).toBe(200);
        expect(await from('2001:db8:1:100::1')).toBe(200);
        expect(await from('2001:db8:1:1ff:ffff::')).toBe(429);
        expect(await from('2001:DB8:1:200::1')).toBe(200);
      });

      it('cannot enter the name space of the addresses', async () => {
        const running = await start(one({ category: 'one' }), { mount: 'root' });
        const ids = ['127.0.0.1', '@127.0.0.1', '@:127.0.0.1', '%40%3A127.0.0.1'].map((id) => `/accounts/${id}`);
        expect(await statuses(running, ids)).toEqual([200, 200, 200, 429]);
        expect(await statuses(running, ['/status', '/status'])).toEqual([200, 429]);
      });
    });

    describe('the category', () => {
      it('is the same in every spelling that a router forgives', async () => {
        const running = await start(limited(1), { mount: 'root' });
        const spellings = [
          '/legs',
          '/LEGS',
          '/legs/',
          '//legs',
          '/%6Cegs',
          '/legs?page=2',
          '/legs/l1',
          '/legs/l1/',
          '/legs//l2',
        ];
        const paths = spellings.map((rest) => `/v2/accounts/a${rest}`);
        expect(await statuses(running, paths)).toEqual([200, ...new Array(paths.length - 1).fill(429)]);
      });

      it('follows the table of the API, and what is not in it is limited as other', async () => {
        const running = await start(limited(1), { mount: 'root' });
        const paths = [
          '/legs/l/actions',
          '/bridges/b/actions/mute',
          '/legs/l/external_events',
          '/bridges/b/external_events',
        ];
        expect(
          await statuses(
            running,
            paths.map((rest) => `/v2/accounts/a${rest}`),
          ),
        ).toEqual([200, 429, 200, 429]);
        const others = ['/numbers', '/', '/legs/l/recordings', '/legs/l/actions/a/b'];
        expect(
          await statuses(
            running,
            others.map((rest) => `/v2/accounts/a${rest}`),
          ),
        ).toEqual([200, 429, 429, 429]);
      });

      it('is the word that the options give', async () => {
        const running = await start(
          limited(1, { category: ({ headers }) => headers['x-category'] as string | undefined }),
        );
        expect(await statuses(running, [LEGS, `${LEGS}/l/actions`], ['X-Category: dial'])).toEqual([200, 429]);
        expect(await statuses(running, [LEGS, `${LEGS}/l/actions`], ['X-Category:'])).toEqual([200, 200]);
      });
    });

    describe('options', () => {
      it('cost may be a number or a function, and a refused one costs nothing', async () => {
        const running = await start(limited(10, { cost: ({ headers }) => Number(headers['x-cost']) }));
        expect(await statuses(running, [LEGS], ['X-Cost: 6'])).toEqual([200]);
        expect(await statuses(running, [LEGS], ['X-Cost: 5'])).toEqual([429]);
        expect(await statuses(running, [LEGS], ['X-Cost: 4'])).toEqual([200]);
        expect(await statuses(running, [LEGS], ['X-Cost: 0'])).toEqual([200]);
      });

      it('skip leaves a request alone, async or not', async () => {
        for (const skip of [() => true, async () => true]) {
          const running = await start(limited(0, { skip }));
          const answer = await rawFetch(running.origin, LEGS);
          expect(answer.status).toBe(200);
          expect(answer.headers).not.toHaveProperty('x-ratelimit-limit');
        }
      });

      it('plan, region and environment choose the layer, as constants or async functions', async () => {
        const policy = definePolicy({
          quotas: [perMinute(1)],
          plans: { big: { quotas: [perMinute(3)] } },
          regions: { sg: { quotas: [perMinute(2)] } },
          environments: { sandbox: { quotas: [perMinute(1)] } },
        });
        const running = await start({
          policy,
          store: memory(),
          region: 'sg',
          plan: async ({ headers }) => headers['x-plan'] as string | undefined,
          environment: ({ headers }) => headers['x-environment'] as string | undefined,
        });
        expect(await statuses(running, [LEGS, LEGS, LEGS])).toEqual([200, 200, 429]);
        expect(await statuses(running, [LEGS, LEGS], ['X-Plan: big'])).toEqual([200, 429]);
        expect(await statuses(running, [LEGS, LEGS], ['X-Environment: sandbox'])).toEqual([200, 429]);
        expect(await statuses(running, [LEGS], ['X-Plan: __proto__'])).toEqual([429]);
      });

      it('refundWhen gives the charge back when the response ends so', async () => {
        const running = await start(limited(2, { refundWhen: (status) => status >= 500 }));
        const connection = open(running);
        for (const [status, expected] of [
          [500, 500],
          [503, 503],
          [200, 200],
          [502, 502],
          [404, 404],
          [200, 429],
        ]) {
          await connection.write(rawRequest(LEGS, { headers: [`X-Status: ${status}`] }));
          expect((await connection.read()).status).toBe(expected);
        }
      });

      it('refundWhen may be async, and one that rejects leaves the charge', async () => {
        const running = await start(limited(2, { refundWhen: async (status) => status >= 500 }));
        const connection = open(running);
        for (const [status, expected] of [
          [500, 500],
          [500, 500],
          [200, 200],
          [200, 200],
          [200, 429],
        ]) {
          await connection.write(rawRequest(LEGS, { headers: [`X-Status: ${status}`] }));
          expect((await connection.read()).status).toBe(expected);
          await new Promise((resolve) => setImmediate(resolve));
        }
        const failing = await start(limited(1, { refundWhen: () => Promise.reject(new Error('no answer')) }));
        expect(await statuses(failing, [LEGS, LEGS])).toEqual([200, 429]);
      });

      it('refundWhen that throws neither ends the process nor changes the answer', async () => {
        const running = await start(
          limited(5, {
            refundWhen: () => {
              throw new Error('a bug in the application');
            },
          }),
        );
        expect(await statuses(running, [LEGS, LEGS])).toEqual([200, 200]);
      });

      it('a limiter is shared between what it is given to, and open to peek and reset beside it', async () => {
        const limiter = new RateLimiter({ policy: { quotas: [perMinute(1)] }, store: memory() });
        const first = await start({ limiter });
        const second = await start({ limiter });
        expect(await statuses(first, [LEGS])).toEqual([200]);
        expect(await statuses(second, [LEGS])).toEqual([429]);
        expect((await limiter.peek({ account: 'ameyo5m', category: 'legs' })).allowed).toBe(false);
        await limiter.reset({ account: 'ameyo5m' });
        expect(await statuses(second, [LEGS])).toEqual([200]);
      });

      it('several limiters each count, and the tightest is shown', async () => {
        const running = await startAll([limited(2), limited(3, { category: 'all' })]);
        const answer = await rawFetch(running.origin, LEGS);
        expect(answer.headers['x-ratelimit-limit']).toBe('2');
        expect(JSON.parse(answer.body).decision.quotas[0].limit).toBe(2);
        expect(await statuses(running, [LEGS, LEGS])).toEqual([200, 429]);
        expect(await statuses(running, ['/v2/accounts/ameyo5m/bridges', '/v2/accounts/ameyo5m/bridges'])).toEqual([
          200, 429,
        ]);
      });

      it('that cannot be used are refused when the limiter is made', async () => {
        const policy = legsApiPolicy();
        const limiter = new RateLimiter({ policy });
        const refused: readonly [object, RegExp][] = [
          [{}, /`rateLimit.policy`.*got undefined/],
          [{ policy, limiter }, /either `limiter` or `policy`/],
          [{ policy, limit: 5 }, /Unknown option `rateLimit.limit`/],
          [{ policy, cost: '5' }, /`rateLimit.cost`.*got "5"/],
          [{ policy, cost: -1 }, /`rateLimit.cost`.*got -1/],
          [{ policy, category: 7 }, /`rateLimit.category`.*got 7/],
          [{ policy, skip: true }, /`rateLimit.skip`.*got true/],
          [{ policy, headers: 'draft-6' }, /`rateLimit.headers`.*got "draft-6"/],
          [{ policy, refundWhen: 500 }, /`rateLimit.refundWhen`.*got 500/],
          [{ policy, store: {} }, /`store`.*consume/],
          [{ policy: { quotas: [{ limit: 1.5, windowMs: 1000 }] } }, /`policy.quotas\[0\].limit`.*got 1.5/],
        ];
        for (const [options, message] of refused) await expect(start(options)).rejects.toThrow(message);
      });
    });

    describe('errors', () => {
      const broken: Store = {
        consume: () => Promise.reject(new Error('the store is broken')),
        peek: () => Promise.reject(new Error('the store is broken')),
        refund: () => undefined,
        reset: () => undefined,
        close: () => undefined,
      };

      it('go to the error handler of the application, from options and from the store, thrown or rejected', async () => {
        const failing: readonly [CommonOptions, RegExp][] = [
          [limited(9, { cost: () => Number.NaN }), /Expected `cost` to be an integer/],
          [limited(9, { cost: async () => -1 }), /Expected `cost` to be an integer/],
          [
            limited(9, {
              plan: () => {
                throw new Error('no plan');
              },
            }),
            /no plan/,
          ],
          [limited(9, { environment: () => Promise.reject(new Error('no environment')) }), /no environment/],
          [limited(9, { region: () => 7 as unknown as string }), /Expected `region` to be a string, got 7/],
          [{ policy: legsApiPolicy(), store: broken }, /the store is broken/],
          [
            limited(0, {
              onLimited: () => {
                throw new Error('no answer');
              },
            }),
            /no answer/,
          ],
          [limited(0, { onLimited: () => Promise.reject(new Error('no answer yet')) }), /no answer yet/],
        ];
        for (const [options, message] of failing) {
          const running = await start(options, { errorHandler: true });
          const answer = await rawFetch(running.origin, LEGS);
          expect(answer.status).toBe(500);
          expect(answer.body).toMatch(/^own handler: /);
          expect(answer.body).toMatch(message);
        }
      });

      it('are told even when what was thrown is nothing, or a word that the host knows', async () => {
        for (const thrown of [undefined, null, 0, '', 'route', 'router']) {
          const throwing = () => {
            throw thrown;
          };
          for (const account of [throwing, () => Promise.reject(thrown)]) {
            const running = await start(limited(0, { account }), { mount: 'root', errorHandler: true });
            const answer = await rawFetch(running.origin, '/status');
            expect(answer.status).toBe(500);
            expect(answer.body).toMatch(/^own handler: A function among the options threw/);
          }
        }
      });

      it('of several functions at once are one error, and end nothing', async () => {
        const options = limited(9, {
          account: () => Promise.reject(new Error('first')),
          plan: () => Promise.reject(new Error('second')),
          region: () => {
            throw new Error('third');
          },
        });
        const running = await start(options, { mount: 'root', errorHandler: true });
        expect((await rawFetch(running.origin, '/status')).body).toBe('own handler: third');
        await new Promise((resolve) => setImmediate(resolve));
      });

      it('are never caused by a hostile path', async () => {
        const running = await start(limited(1000), { mount: 'root' });
        const paths = [
          '/v2/accounts/__proto__/legs',
          '/v2/accounts/constructor/toString',
          '/v2/accounts/%7D%7B/legs',
          '/v2/accounts/%00/legs',
          '/v2/accounts/%zz/legs',
          '/v2/accounts/%E2%82/legs',
          `/v2/accounts/${'a'.repeat(10_000)}/legs`,
          `/${'/'.repeat(5000)}`,
          '/v2/accounts',
          '/v2/accounts/',
          '/v2/accounts//legs',
          '*',
          'http://localhost/v2/accounts/a/legs',
        ];
        for (const status of await statuses(running, paths)) expect(status).toBeLessThan(500);
      });
    });

    describe('clients that retry by themselves', () => {
      it('got succeeds on its first retry', async () => {
        const running = await start({ policy: { quotas: [perSecond(1)] } });
        const retries: number[] = [];
        const ask = () =>
          got(running.origin + LEGS, {
            retry: { limit: 2 },
            hooks: { beforeRetry: [(_error, count) => void retries.push(count)] },
          });
        expect((await ask()).statusCode).toBe(200);
        expect((await ask()).statusCode).toBe(200);
        expect(retries).toEqual([1]);
      });

      it('undici succeeds on its first retry', async () => {
        const running = await start({ policy: { quotas: [perSecond(1)] } });
        const agent = new RetryAgent(new Agent(), { maxRetries: 1, statusCodes: [429] });
        closing.push(() => agent.close());
        for (let sent = 0; sent < 2; sent++) {
          const answer = await request(running.origin + LEGS, { dispatcher: agent });
          expect(answer.statusCode).toBe(200);
          expect(await answer.body.text()).toContain('"allowed":true');
        }
      });
    });
  });
}
