import { MemoryStore, type PolicyOptions, perHour, perMinute, RateLimiter, type Store } from '@tollgate/core';
import type { ChargeEntry, ClientFacts } from '@tollgate/core/http';
import { describe, expect, it } from 'vitest';
import { redisWorld } from '../../redis/store-world.js';
import { collectWarnings } from '../../warnings.js';
import type { CommonOptions, CommonRequest } from './adapter.js';
import { rawFetch } from './raw.js';
import { type HttpWorld, LEGS } from './world.js';

/** Requests that concern more than one account: subjects, several charges, the service, addresses and blocks. */
export function describeParties(http: HttpWorld): void {
  describe('several parties, in memory', () => describeOn(http, http.memory));
  describe('several parties, on Redis', () => {
    const world = redisWorld();
    describeOn(http, () => world.store({ timeoutMs: 5000 }));
  });
}

function describeOn({ closing, start, startPlain, statuses }: HttpWorld, makeStore: () => Store): void {
  function limiterOf(policy: PolicyOptions): RateLimiter {
    const limiter = new RateLimiter({ policy, store: makeStore() });
    closing.push(() => limiter.close());
    return limiter;
  }

  const header = (name: string) => (request: CommonRequest) => request.headers[name] as string | undefined;
  const from = (address: string) => `X-Forwarded-For: ${address}`;

  describe('login by address and user', () => {
    const policy = {
      quotas: 'unlimited',
      categories: { login: [perHour(5)] },
      addresses: { categories: { login: [perMinute(2)] } },
    } as const;
    const charges = (request: CommonRequest, { address }: ClientFacts): ChargeEntry[] => [
      { address },
      { account: header('x-user')(request) },
    ];
    const setup = { mount: 'root', trustProxy: 'loopback' } as const;

    it('of six attempts, the two that the address admits charge the user with two', async () => {
      const limiter = limiterOf(policy);
      const running = await startPlain([{ limiter, category: 'login', charges }], setup);
      const login = ['/', '/', '/', '/', '/', '/'];
      const found = await statuses(running, login, [from('203.0.113.9'), 'X-User: ada']);
      expect(found).toEqual([200, 200, 429, 429, 429, 429]);
      const elsewhere = await rawFetch(running.origin, '/', { headers: [from('198.51.100.7'), 'X-User: ada'] });
      const { decision } = JSON.parse(elsewhere.body);
      expect(decision.quotas.map(({ used }: { used: number }) => used)).toEqual([1, 3]);
      expect(elsewhere.headers['x-ratelimit-limit']).toBe('2');
    });

    it('a user who is refused takes nothing from the addresses', async () => {
      const limiter = limiterOf(policy);
      const running = await startPlain([{ limiter, category: 'login', charges, headers: 'draft-11' }], setup);
      for (let address = 1; address <= 5; address++) {
        expect(await statuses(running, ['/'], [from(`203.0.113.${address}`), 'X-User: ada'])).toEqual([200]);
      }
      const refused = await rawFetch(running.origin, '/', { headers: [from('203.0.113.8'), 'X-User: ada'] });
      expect([refused.status, refused.headers['retry-after']]).toEqual([429, '3600']);
      expect(refused.headers['ratelimit']).toBe('"per-minute";r=2;t=0,"per-hour";r=0;t=3600');
      expect(await statuses(running, ['/', '/', '/'], [from('203.0.113.8'), 'X-User: bob'])).toEqual([200, 200, 429]);
    });

    it('a client that leaves out the user is counted once, by its address', async () => {
      for (const user of [[], ['X-User:']]) {
        const limiter = limiterOf(policy);
        const running = await startPlain([{ limiter, category: 'login', charges }], setup);
        const headers = [from('203.0.113.9'), ...user];
        expect(await statuses(running, ['/', '/', '/'], headers)).toEqual([200, 200, 429]);
      }
    });

    it('an address of a request is masked as that of a client without an account', async () => {
      const limiter = limiterOf(policy);
      const byHeader = (request: CommonRequest) => [{ address: header('x-forwarded-for')(request) }];
      const running = await startPlain([{ limiter, category: 'login', charges: byHeader }], setup);
      const addresses = [
        '2001:db8:1:100::1',
        '2001:db8:1:1ff::7',
        '2001:DB8:1:101::',
        '::ffff:203.0.113.7',
        '203.0.113.7',
      ];
      const found: number[] = [];
      for (const address of addresses) found.push(...(await statuses(running, ['/'], [from(address)])));
      expect(found).toEqual([200, 200, 429, 200, 200]);
    });

    it('the answer may be a promise, may have one charge, and may decline: then it is the address', async () => {
      const answers: Record<string, readonly ChargeEntry[] | undefined | null> = {
        one: [{ account: 'ada' }],
        none: undefined,
        nothing: null,
      };
      const limiter = limiterOf(policy);
      const later = async (request: CommonRequest) => answers[header('x-case')(request)!];
      const running = await startPlain([{ limiter, category: async () => 'login', charges: later }], setup);
      const parties: unknown[] = [];
      for (const name of ['one', 'none', 'nothing']) {
        const { body } = await rawFetch(running.origin, '/', { headers: [from('203.0.113.9'), `X-Case: ${name}`] });
        const { account, address, category } = JSON.parse(body).decision;
        parties.push([account, address, category]);
      }
      const byAddress = [undefined, '203.0.113.9', 'login'];
      expect(parties).toEqual([['ada', undefined, 'login'], byAddress, byAddress]);
    });

    it('entries have what they leave out from the options beside them', async () => {
      const limiter = limiterOf({
        quotas: [perMinute(100)],
        plans: { gold: { quotas: [perMinute(200)] }, tin: { quotas: [perMinute(20)] } },
        each: { key: [perMinute(50)], bot: [perMinute(40)] },
      });
      const running = await startPlain(
        [
          {
            limiter,
            category: 'all',
            cost: 3,
            plan: 'gold',
            subjects: (request) => ({ key: header('x-key')(request) }),
            charges: (request, { address, parameter }) => [
              { account: parameter },
              { account: 'partner', category: 'own', cost: 7, plan: 'tin', subjects: { bot: 'b1' } },
              { address },
              { account: header('x-key')(request), subjects: {} },
            ],
          },
        ],
        { mount: 'account' },
      );
      const { body } = await rawFetch(running.origin, LEGS, { headers: ['X-Key: k7'] });
      const used = Object.fromEntries(
        JSON.parse(body).decision.quotas.map((quota: { name: string; used: number; limit: number }) => [
          quota.name,
          [quota.used, quota.limit],
        ]),
      );
      expect(Object.values(used)).toEqual([
        [3, 200],
        [3, 50],
        [7, 20],
        [7, 40],
        [3, 200],
        [3, 200],
      ]);
    });

    it.each<[string, unknown, RegExp]>([
      ['an empty array', [], /`charges` to be an array of 1 to 8 charges, got an array of 0/],
      ['nine', new Array(9).fill({ account: 'a' }), /got an array of 9/],
      ['a hole', new Array(2), /`charges\[0\]` to be a plain object, got undefined/],
      ['an object', { account: 'a' }, /`charges` to be an array/],
      ['a text', 'ada', /`charges` to be an array of 1 to 8 charges, got "ada"/],
      ['a misspelt field', [{ acount: 'a' }], /Unknown option `charges\[0\].acount`/],
      ['both parties', [{ account: 'a' }, { account: 'a', address: 'b' }], /either `charges\[1\].account` or/],
      ['a number', [{ account: 7 }], /`charges\[0\].account` to be a string, got 7/],
      ['an address that is an object', [{ address: {} }], /`charges\[0\].address` to be a string/],
      ['a plan that is a list', [{ account: 'a', plan: [] }], /`charges\[0\].plan` to be a string/],
      ['subjects in a list', [{ account: 'a', subjects: ['leg'] }], /`charges\[0\].subjects` to be a plain object/],
      ['a rejection', REJECTED, /a bug/],
    ])('%s goes to the error handler, and charges nobody', async (_, answer, message) => {
      const limiter = limiterOf({ quotas: [perMinute(1)] });
      const given = {
        limiter,
        category: 'login',
        charges: () => (answer === REJECTED ? Promise.reject(new Error('a bug')) : answer) as never,
      };
      const running = await startPlain([given], { mount: 'root', errorHandler: true });
      const { status, body } = await rawFetch(running.origin, '/');
      expect([status, body]).toEqual([500, expect.stringMatching(message)]);
      expect((await limiter.peek({ account: 'a', category: 'login' })).allowed).toBe(true);
    });

    it('an invalid cost of an entry is answered as that of the function cost', async () => {
      const limiter = limiterOf({ quotas: [perMinute(9)] });
      const costly = (request: CommonRequest) => [
        { account: 'a' },
        { account: 'b', cost: Number(header('x-cost')(request)) },
      ];
      const running = await startPlain([{ limiter, charges: costly }], { mount: 'root' });
      expect(await statuses(running, ['/'], ['X-Cost: 2'])).toEqual([200]);
      expect(await statuses(running, ['/'], ['X-Cost: -2'])).toEqual([400]);
      expect(await usedOf(limiter, { account: 'b', category: 'other' })).toBe(2);
    });

    it('costs that are too much together on one account are answered in the same way', async () => {
      const limiter = limiterOf({ quotas: [perMinute(9)], total: [perMinute(20)] });
      const cost = (request: CommonRequest) => Number(header('x-cost')(request));
      const between = (request: CommonRequest) => [
        { account: 'a' },
        { account: header('x-to')(request), category: header('x-category')(request) },
      ];
      for (const onBadCost of ['bad-request', 'error'] as const) {
        const setup = { mount: 'root', errorHandler: true } as const;
        const running = await startPlain([{ limiter, cost, charges: between, onBadCost }], setup);
        const status = onBadCost === 'error' ? 500 : 400;
        const much = 'X-Cost: 2147483647';
        expect(await statuses(running, ['/'], [much, 'X-To: a'])).toEqual([status]);
        expect(await statuses(running, ['/'], [much, 'X-To: a', 'X-Category: b'])).toEqual([status]);
        expect(await statuses(running, ['/'], [much, 'X-To: b'])).toEqual([429]);
        expect(await statuses(running, ['/'], ['X-Cost: 2', 'X-To: a'])).toEqual([200]);
      }
      expect(await usedOf(limiter, { account: 'a', category: 'other' })).toBe(8);
    });

    it('categories that clients choose are in headers that any client can read', async () => {
      const limiter = limiterOf({ quotas: [perMinute(9)] });
      const category = (request: CommonRequest) => new URL(request.url, 'http://host').searchParams.get('category');
      const charges = () => [{ account: 'a' }, { account: 'b' }, { account: 'c' }];
      const running = await startPlain([{ limiter, category, charges, headers: 'draft-11' }], { mount: 'root' });
      for (const [chosen, shown] of [
        ['login', 'login'],
        ['%D0%B6%0D%0Aa%00', '___a_'],
        ['%22%5C', '\\"\\\\'],
        ['y'.repeat(10_000), 'y'.repeat(32)],
      ] as const) {
        const { status, headers } = await rawFetch(running.origin, `/?category=${chosen}`);
        expect([status, headers['ratelimit-policy']]).toEqual([
          200,
          `"per-minute";q=9;w=60,"${shown}-per-minute";q=9;w=60,"${shown}-per-minute-2";q=9;w=60`,
        ]);
      }
    });
  });

  it('several charges are refused on a store that takes those of one account at a time', async () => {
    const { consume, peek, refund, reset, close } = new MemoryStore();
    const limiter = new RateLimiter({
      policy: { quotas: [perMinute(9)] },
      store: { consume, peek, refund, reset, close },
    });
    await expect(startPlain([{ limiter, charges: () => [] }])).rejects.toThrow(
      'Expected a store with joinsAccounts beside `rateLimit.charges`, got one without',
    );
  });

  const usedOf = async (limiter: RateLimiter, charge: Parameters<RateLimiter['peek']>[0]) =>
    (await limiter.peek({ ...charge, cost: 0 })).tightest?.used;

  describe('corrections of several charges', () => {
    const two = () => [{ account: 'a' }, { account: 'b' }];
    const usedOfBoth = async (limiter: RateLimiter) => [
      await usedOf(limiter, { account: 'a', category: 'other' }),
      await usedOf(limiter, { account: 'b', category: 'other' }),
    ];
    const cases: readonly [string, CommonOptions & { charges?: () => ChargeEntry[] }, number[]][] = [
      ['costAfter lower', { cost: 10, costAfter: () => 4 }, [4, 4]],
      ['costAfter higher', { cost: 10, costAfter: () => 15 }, [15, 15]],
      ['costAfter, of a charge of 0', { cost: 0, costAfter: () => 5 }, [5, 5]],
      ['costAfter that is 0, of a charge of 0', { cost: 0, costAfter: () => 0 }, [0, 0]],
      ['refundWhen', { cost: 10, refundWhen: () => true }, [0, 0]],
      [
        'costAfter equal to the largest cost',
        {
          costAfter: () => 10,
          charges: () => [
            { account: 'a', cost: 10 },
            { account: 'b', cost: 4 },
          ],
        },
        [10, 10],
      ],
      [
        'costAfter where one charge is 0',
        {
          costAfter: () => 6,
          charges: () => [
            { account: 'a', cost: 0 },
            { account: 'b', cost: 4 },
          ],
        },
        [6, 6],
      ],
    ];
    it.each(cases)('%s concerns all of them', async (_, options, used) => {
      const limiter = limiterOf({ quotas: [perMinute(100)] });
      const running = await startPlain([{ limiter, charges: two, ...options }], { mount: 'root' });
      expect(await statuses(running, ['/'])).toEqual([200]);
      await expect.poll(() => usedOfBoth(limiter)).toEqual(used);
    });

    it('the handler settles all of them', async () => {
      const limiter = limiterOf({ quotas: [perMinute(100)] });
      const beforeAnswer = async (request: CommonRequest) => {
        await (request as CommonRequest & { rateLimit: { settle(cost: number): unknown } }).rateLimit.settle(3);
      };
      const running = await startPlain([{ limiter, charges: two, cost: 9 }], { mount: 'root', beforeAnswer });
      expect(await statuses(running, ['/'])).toEqual([200]);
      expect(await usedOfBoth(limiter)).toEqual([3, 3]);
    });

    it('refundAtMost counts the refunds of each of them', async () => {
      const limiter = limiterOf({ quotas: [perMinute(100)] });
      const charges = (request: CommonRequest) => [{ account: header('x-address')(request) }, { account: 'ada' }];
      const refunds = { refundWhen: () => true, refundAtMost: { limit: 2, windowMs: 3_600_000 } };
      const running = await startPlain([{ limiter, charges, ...refunds }], { mount: 'root' });
      const usedOfAll = async () => {
        const used: (number | undefined)[] = [];
        for (const account of ['one', 'two', 'ada']) used.push(await usedOf(limiter, { account, category: 'other' }));
        return used;
      };
      for (const address of ['one', 'two', 'one', 'two']) await statuses(running, ['/'], [`X-Address: ${address}`]);
      // The third and the fourth are no refund, since ada has had two.
      await expect.poll(usedOfAll).toEqual([1, 1, 2]);
    });
  });

  describe('subjects', () => {
    const policy = { quotas: [perMinute(100)], each: { leg: [perMinute(2)], key: [perMinute(3)] } };
    const byHeader = { subjects: (request: CommonRequest) => ({ key: header('x-key')(request) }) };

    it('of a header each have a counter of their own', async () => {
      const running = await start({ limiter: limiterOf(policy), ...byHeader });
      expect(await statuses(running, [LEGS, LEGS, LEGS, LEGS], ['X-Key: k1'])).toEqual([200, 200, 200, 429]);
      expect(await statuses(running, [LEGS], ['X-Key: k2'])).toEqual([200]);
      const { status, headers, body } = await rawFetch(running.origin, LEGS, { headers: ['X-Key: k1'] });
      expect([status, headers['retry-after'], headers['x-ratelimit-limit']]).toEqual([429, '60', '3']);
      expect(body).toContain('"http_code":429');
      // What was refused has taken nothing from the account, and neither does a subject without an id.
      expect(await statuses(running, [LEGS], ['X-Key:'])).toEqual([200]);
      expect(await statuses(running, [LEGS])).toEqual([200]);
      const last = await rawFetch(running.origin, LEGS, { headers: ['X-Key: k2'] });
      const [account] = JSON.parse(last.body).decision.quotas;
      expect(account).toMatchObject({ name: 'per-minute', used: 7 });
    });

    it('of the path of a Legs API are named by the preset, in every spelling, and in every category', async () => {
      for (const mount of ['account', 'root'] as const) {
        const running = await start({ limiter: limiterOf(policy) }, { mount });
        const paths = ['/legs/l1', '/legs/l1/actions/hangup', '/legs/l%31', '/LEGS/l1/external_events?leg=l2'];
        const spelt = paths.map((path) => `/v2/accounts/ameyo5m${path}`);
        expect(await statuses(running, spelt)).toEqual([200, 200, 429, 429]);
        expect(await statuses(running, [`${LEGS}/L1`, `${LEGS}/l2`, LEGS, LEGS, LEGS])).toEqual(new Array(5).fill(200));
        expect(await statuses(running, ['/v2/accounts/other/legs/l1', `${LEGS}/l1`])).toEqual([200, 429]);
      }
    });

    it('of the path and of a function are named together; of one kind, that of the function wins', async () => {
      const subjects = (request: CommonRequest, { leg }: { readonly leg?: string }) => ({
        key: header('x-key')(request),
        leg: header('x-leg')(request) ?? (leg === 'l9' ? null : undefined),
      });
      const running = await start({ limiter: limiterOf(policy), subjects, category: 'one' });
      const named = async (path: string, ...headers: string[]) =>
        JSON.parse((await rawFetch(running.origin, path, { headers })).body).decision.subjects;
      expect(await named(`${LEGS}/l1`, 'X-Key: k1')).toEqual({ leg: 'l1', key: 'k1' });
      expect(await named(`${LEGS}/l1`, 'X-Key: k1', 'X-Leg: mine')).toEqual({ leg: 'mine', key: 'k1' });
      expect(await named(`${LEGS}/l9`)).toEqual({ leg: 'l9' });
      expect(await named(LEGS)).toBeUndefined();
    });

    it('of the path are named only if the policy in force has their kind', async () => {
      const limiter = limiterOf({ quotas: [perMinute(100)], each: { bridge: [perMinute(9)] } });
      const running = await start({ limiter });
      const named = async (path: string) =>
        JSON.parse((await rawFetch(running.origin, `/v2/accounts/a${path}`)).body).decision.subjects;
      expect([await named('/legs/l1'), await named('/bridges/b1')]).toEqual([undefined, { bridge: 'b1' }]);
      limiter.setPolicy(policy);
      expect([await named('/legs/l1'), await named('/bridges/b1')]).toEqual([{ leg: 'l1' }, undefined]);
      limiter.setPolicy({ quotas: [perMinute(100)] });
      expect([await named('/legs/l1'), await named('/bridges/b1')]).toEqual([undefined, undefined]);
    });

    it('of the path are named if only a candidate has their kind', async () => {
      const limiter = limiterOf({ quotas: [perMinute(100)] });
      const running = await start({ limiter });
      limiter.setCandidate(policy);
      expect(await statuses(running, [`${LEGS}/l1`, `${LEGS}/l1`, `${LEGS}/l1`, `${LEGS}/l2`])).toEqual([
        200, 200, 200, 200,
      ]);
      await expect.poll(() => limiter.stats().candidate).toMatchObject({ bothAllow: 3, onlyCandidateRefuses: 1 });
      limiter.setCandidate(undefined);
      const { body } = await rawFetch(running.origin, `${LEGS}/l1`);
      expect(JSON.parse(body).decision.subjects).toBeUndefined();
    });

    it('of other paths come from the functions of the option paths', async () => {
      const paths = {
        read: (path: string, kinds: ReadonlySet<string>) => {
          const [, account, key = ''] = path.split('/');
          return { account, category: 'all', ...(kinds.has('key') && { subjects: { key } }) };
        },
      };
      const running = await startPlain([{ limiter: limiterOf(policy), account: (_, parameter) => parameter, paths }], {
        mount: 'root',
      });
      expect(await statuses(running, ['/a/k1', '/a/k1', '/a/k1', '/a/k1', '/a/k2', '/b/k1', '/a'])).toEqual([
        200, 200, 200, 429, 200, 200, 200,
      ]);
    });

    it('of a kind that the policy does not have are reported once', async () => {
      const warnings = collectWarnings();
      const kind = `bridge-${Math.random()}`;
      const running = await start({ limiter: limiterOf(policy), subjects: () => ({ [kind]: 'b1' }) });
      expect(await statuses(running, [LEGS, LEGS])).toEqual([200, 200]);
      expect(await warnings()).toEqual([
        expect.stringContaining(
          `TOLLGATE_UNKNOWN_NAME A charge has the subject ${kind}, which the policy does not have`,
        ),
      ]);
    });

    it('may be the same for all requests, or come later, or none', async () => {
      const constant = await start({ limiter: limiterOf(policy), subjects: { key: 'all' } });
      expect(await statuses(constant, [LEGS, LEGS, LEGS, LEGS])).toEqual([200, 200, 200, 429]);
      const later = await start({ limiter: limiterOf(policy), subjects: async () => ({ key: 'all' }) });
      expect(await statuses(later, [LEGS, LEGS, LEGS, LEGS])).toEqual([200, 200, 200, 429]);
      for (const nothing of [undefined, null, '', {}, { key: '' }, { key: null }]) {
        const running = await start({ limiter: limiterOf(policy), subjects: () => nothing as never });
        expect(await statuses(running, [LEGS, LEGS, LEGS, LEGS])).toEqual([200, 200, 200, 200]);
      }
    });

    it('have hostile ids as they are', async () => {
      const ids = [
        '__proto__',
        'a\0b',
        '*~leg/x',
        'l/1',
        'x'.repeat(10_000_000),
        '\ud800',
        '@service',
        'ж'.repeat(999),
      ];
      // The answer would have the longest id several times.
      const beforeAnswer = (request: CommonRequest) => void Object.assign(request, { rateLimit: null });
      const subjects = (request: CommonRequest) => ({ key: ids[Number(header('x-index')(request))]! });
      const running = await start({ limiter: limiterOf(policy), subjects }, { beforeAnswer });
      for (const index of ids.keys()) {
        expect(await statuses(running, [LEGS, LEGS, LEGS, LEGS], [`X-Index: ${index}`])).toEqual([200, 200, 200, 429]);
      }
    });

    it('of a hostile kind are an ordinary unknown kind', async () => {
      const answer = JSON.parse('{"__proto__":"x","constructor":"y","key":"k1"}');
      const running = await start({ limiter: limiterOf(policy), subjects: () => answer });
      expect(await statuses(running, [LEGS, LEGS, LEGS, LEGS])).toEqual([200, 200, 200, 429]);
    });

    it.each<[string, unknown, RegExp]>([
      ['a text', 'k1', /`subjects` to be a plain object, got "k1"/],
      ['an array', ['k1'], /`subjects` to be a plain object, got an array of 1/],
      ['a map', new Map([['key', 'k1']]), /`subjects` to be a plain object, got an instance of Map/],
      ['an id that is a number', { key: 7 }, /`subjects.key` to be a string, got 7/],
      ['an id that is a list', { key: ['k1'] }, /`subjects.key` to be a string, got an array of 1/],
      ['a promise as an id', { key: Promise.resolve('k1') }, /`subjects.key` to be a string/],
      ['nine of them', Object.fromEntries([...'abcdefghi'].map((kind) => [kind, 'x'])), /at most 8 subjects, got 9/],
    ])('that are %s go to the error handler', async (_, answer, message) => {
      for (const subjects of [() => answer as never, async () => answer as never]) {
        const running = await start({ limiter: limiterOf(policy), subjects }, { errorHandler: true });
        const { status, body } = await rawFetch(running.origin, LEGS);
        expect([status, body]).toEqual([500, expect.stringMatching(message)]);
      }
    });
  });

  describe('the service', () => {
    it('is one ceiling over two accounts, which no header shows', async () => {
      const limiter = limiterOf({ quotas: [perMinute(100)], service: [perMinute(2)] });
      const running = await start({ limiter, headers: 'both' });
      const paths = ['/v2/accounts/a/legs', '/v2/accounts/b/legs'];
      expect(await statuses(running, paths)).toEqual([200, 200]);
      const { status, headers } = await rawFetch(running.origin, '/v2/accounts/c/legs');
      expect([status, headers['retry-after'], headers['x-ratelimit-limit']]).toEqual([429, '60', '100']);
      expect([headers['ratelimit-policy'], headers['ratelimit']]).toEqual([
        '"per-minute";q=100;w=60',
        '"per-minute";r=100;t=0',
      ]);
      await limiter.reset({ service: true });
      expect(await statuses(running, paths)).toEqual([200, 200]);
    });
  });

  describe('blocks and ranges', () => {
    const policy = {
      quotas: [perMinute(100)],
      each: { key: { quotas: [perMinute(50)], blocked: ['k666'] } },
      accounts: { mallory: 'blocked' },
      addresses: {
        quotas: [perMinute(1)],
        '203.0.113.0/24': 'blocked',
        '10.0.0.0/8': 'unlimited',
        '2001:db8:bad::/48': 'blocked',
        '2001:db8:100:ff00::/56': 'unlimited',
      },
    } as const;
    const subjects = (request: CommonRequest) => ({ key: header('x-key')(request) });
    const setup = { mount: 'root', trustProxy: 'loopback' } as const;

    it.each([[429, 'RATE_LIMIT_EXCEEDED'] as const, [403, 'BLOCKED'] as const])(
      'a blocked account, key or address is answered by %s, without Retry-After',
      async (blockedStatus, code) => {
        const running = await start({ limiter: limiterOf(policy), subjects, blockedStatus }, setup);
        const blocked: readonly [string, readonly string[]][] = [
          ['/v2/accounts/mallory/legs', []],
          [LEGS, ['X-Key: k666']],
          ['/status', [from('203.0.113.9')]],
          ['/status', [from('::ffff:203.0.113.9')]],
          ['/status', [from('2001:db8:bad:1:2:3:4:5')]],
        ];
        for (const [path, headers] of blocked) {
          const answer = await rawFetch(running.origin, path, { headers });
          expect([answer.status, answer.headers['retry-after']]).toEqual([blockedStatus, undefined]);
          expect(JSON.parse(answer.body)).toMatchObject({ http_code: blockedStatus, response: { error: { code } } });
        }
        expect(await statuses(running, [LEGS], ['X-Key: k7'])).toEqual([200]);
      },
    );

    it('an unlimited range has no limit, and other addresses have that of strangers', async () => {
      const running = await start({ limiter: limiterOf(policy) }, setup);
      for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8:100:ff42::1']) {
        expect(await statuses(running, ['/', '/', '/'], [from(address)])).toEqual([200, 200, 200]);
      }
      for (const address of ['198.51.100.7', '2001:db8:100:fe00::1']) {
        expect(await statuses(running, ['/', '/'], [from(address)])).toEqual([200, 429]);
      }
    });

    it('one blocked party refuses all charges, and takes nothing from the others', async () => {
      const limiter = limiterOf(policy);
      const charges = (_: CommonRequest, { address }: ClientFacts) => [{ address }, { account: 'ada' }];
      const running = await startPlain([{ limiter, charges, blockedStatus: 403 }], setup);
      expect(await statuses(running, ['/', '/'], [from('203.0.113.9')])).toEqual([403, 403]);
      expect(await usedOf(limiter, { account: 'ada', category: 'other' })).toBe(0);
      expect(await statuses(running, ['/', '/'], [from('198.51.100.7')])).toEqual([200, 429]);
      expect(await usedOf(limiter, { account: 'ada', category: 'other' })).toBe(1);
    });
  });
}

const REJECTED = Symbol('a promise that rejects');
