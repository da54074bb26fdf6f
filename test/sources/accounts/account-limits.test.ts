import {
  type Decision,
  defineAccountLayer,
  definePolicy,
  type Layer,
  MemoryStore,
  perMinute,
  RateLimiter,
} from '@tollgate/core';
import { type AccountLimitsOptions, accountLimits, type FetchLimits } from '@tollgate/sources';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

interface Asked {
  readonly account: string;
  readonly signal: AbortSignal;
  answer(layer: Layer | null | undefined): Promise<void>;
  fail(error: unknown): Promise<void>;
}

const of = (limit: number): Layer => ({ quotas: [{ limit, windowMs: 60_000 }] });

/** A source whose fetches the test answers, with a clock that the test moves. */
function sourceOf(options: AccountLimitsOptions = {}) {
  const asked: Asked[] = [];
  const errors: [string, string][] = [];
  let now = 0;
  const fetch: FetchLimits = (account, { signal }) =>
    new Promise((resolve, reject) => {
      const settled = () => new Promise<void>((next) => setImmediate(next));
      const answer = (layer: Layer | null | undefined) => {
        resolve(layer);
        return settled();
      };
      const fail = (error: unknown) => {
        reject(error);
        return settled();
      };
      asked.push({ account, signal, answer, fail });
    });
  const source = accountLimits(fetch, {
    clock: () => now,
    timeoutMs: 60_000,
    onError: (error, account) => errors.push([account, error.message]),
    ...options,
  });
  onTestFinished(() => source.close());
  const policy = definePolicy({ quotas: [perMinute(1)] });
  const limitIn = (layer: Awaited<ReturnType<typeof source.layerOf>>) =>
    policy.resolve({ category: 'legs', account: 'a' }, layer).quotas[0]!.limit;
  return {
    source,
    asked,
    errors,
    pass: (ms: number) => {
      now += ms;
    },
    /** The limit without waiting; `asked` for a promise. */
    limitNow: (account = 'a') => {
      const layer = source.layerOf(account);
      return layer instanceof Promise ? ('asked' as const) : limitIn(layer);
    },
    limit: async (account = 'a') => limitIn(await source.layerOf(account)),
  };
}

describe('an answer', () => {
  it('is shared by all who wait, and stays fresh for freshMs', async () => {
    const { limit, limitNow, asked, pass, source } = sourceOf({ freshMs: 1000 });
    const waiting = Promise.all([limit(), limit(), limit()]);
    expect(asked.map(({ account }) => account)).toEqual(['a']);
    await asked[0]!.answer(of(5));
    expect(await waiting).toEqual([5, 5, 5]);
    pass(999);
    expect(limitNow()).toBe(5);
    expect(asked).toHaveLength(1);
    expect(source.stats()).toEqual({ hits: 1, stale: 0, fetches: 1, failures: 0, unasked: 0, accounts: 1 });
  });

  it('is used while it is renewed, without waiting', async () => {
    const { limitNow, limit, asked, pass, source } = sourceOf({ freshMs: 1000 });
    const first = limit();
    await asked[0]!.answer(of(5));
    await first;
    pass(1000);
    expect([limitNow(), limitNow()]).toEqual([5, 5]);
    expect(asked).toHaveLength(2);
    await asked[1]!.answer(of(6));
    expect(limitNow()).toBe(6);
    expect(source.stats()).toMatchObject({ hits: 1, stale: 2, fetches: 2 });
  });

  it('equal to the one before is the same layer object; a different one is another object', async () => {
    const { source, asked, pass } = sourceOf({ freshMs: 1000 });
    const first = source.layerOf('a');
    await asked[0]!.answer(of(5));
    for (const [index, limit] of [5, 6].entries()) {
      pass(1000);
      source.layerOf('a');
      await asked[index + 1]!.answer(of(limit));
      if (limit === 5) expect(source.layerOf('a')).toBe(await first);
      else expect(source.layerOf('a')).not.toBe(await first);
    }
    const layer = defineAccountLayer(of(9));
    expect(accountLimits(() => layer).layerOf('a')).toBe(layer);
  });

  it.each([undefined, null])('of %s is cached as well', async (nothing) => {
    const { limit, limitNow, asked, source } = sourceOf();
    const first = limit();
    await asked[0]!.answer(nothing);
    expect(await first).toBe(1);
    expect(limitNow()).toBe(1);
    expect(source.stats()).toMatchObject({ hits: 1, fetches: 1, accounts: 1 });
  });

  it('may be returned at once, without a promise', () => {
    let calls = 0;
    const source = accountLimits(
      (account) => {
        calls++;
        if (account === 'bad') throw new Error('no such account');
        return of(calls);
      },
      { clock: () => 0, onError: () => {} },
    );
    expect(source.layerOf('a')).toMatchObject({ quotas: [{ limit: 1 }], path: 'accounts.a' });
    expect(source.layerOf('a')).toBe(source.layerOf('a'));
    expect(source.layerOf('bad')).toBeUndefined();
    expect(source.layerOf('bad')).toBeUndefined();
    expect(calls).toBe(2);
    expect(accountLimits(() => of(7), { freshMs: 0, staleMs: 0 }).layerOf('a')).toMatchObject({
      quotas: [{ limit: 7 }],
    });
    expect(source.stats()).toEqual({ hits: 3, stale: 0, fetches: 2, failures: 1, unasked: 0, accounts: 2 });
  });

  it('is too old after staleMs, and requests wait again', async () => {
    const { limit, limitNow, asked, pass, errors } = sourceOf({ freshMs: 1000, staleMs: 500, retryMs: 100 });
    const first = limit();
    await asked[0]!.answer(of(5));
    await first;
    pass(1499);
    expect(limitNow()).toBe(5);
    await asked[1]!.fail(new Error('gone'));
    expect(limitNow()).toBe(5);
    pass(1);
    expect(limitNow()).toBe(1);
    pass(100);
    const again = limit();
    await asked[2]!.fail(new Error('gone'));
    expect(await again).toBe(1);
    pass(100);
    expect(limitNow()).toBe('asked');
    await asked[3]!.answer(of(7));
    expect(limitNow()).toBe(7);
    expect(errors).toEqual([
      ['a', 'gone'],
      ['a', 'gone'],
    ]);
  });

  it('is dropped by forget, and so is the answer of an earlier fetch', async () => {
    const { source, limit, limitNow, asked } = sourceOf();
    for (const [account, layer] of [
      ['a', of(5)],
      ['b', of(6)],
    ] as const) {
      const waiting = limit(account);
      await asked.at(-1)!.answer(layer);
      await waiting;
    }
    source.forget('a');
    expect([limitNow('a'), limitNow('b')]).toEqual(['asked', 6]);
    source.forget('a');
    const waiting = limit('a');
    await asked[2]!.answer(of(7));
    expect(asked).toHaveLength(4);
    await asked[3]!.answer(of(8));
    expect(await waiting).toBe(8);
    expect(limitNow('a')).toBe(8);
    source.forget();
    expect(source.stats().accounts).toBe(0);
    expect([limitNow('a'), limitNow('b')]).toEqual(['asked', 'asked']);
  });
});

describe('a failure', () => {
  it.each<[string, (asked: Asked) => Promise<void>, RegExp]>([
    ['a rejection', (asked) => asked.fail(new Error('read ECONNRESET')), /^read ECONNRESET$/],
    ['a rejection without an error', (asked) => asked.fail('no'), /threw "no", which is no error/],
    ['a bad limit', (asked) => asked.answer(of(-1)), /^Expected `accounts.a.quotas\[0\].limit` to be/],
    ['an unknown option', (asked) => asked.answer({ plan: 'gold' } as never), /^Unknown option `accounts.a.plan`/],
    ['a number', (asked) => asked.answer(5 as never), /^Expected `accounts.a` to be a plain object, got 5$/],
    ['a path without a layer', (asked) => asked.answer({ path: 'x' } as never), /^Unknown option `accounts.a.path`/],
  ])('keeps the cached answer, and the account is not fetched again for retryMs: %s', async (_, spoil, message) => {
    const { limit, limitNow, asked, pass, errors, source } = sourceOf({ freshMs: 1000, retryMs: 50 });
    const first = limit();
    await spoil(asked[0]!);
    expect(await first).toBe(1);
    expect([limitNow(), asked.length]).toEqual([1, 1]);
    pass(50);
    expect([limitNow(), asked.length]).toEqual([1, 2]);
    await asked[1]!.answer(of(5));
    expect(limitNow()).toBe(5);
    pass(1000);
    expect([limitNow(), asked.length]).toEqual([5, 3]);
    await spoil(asked[2]!);
    pass(49);
    expect([limitNow(), asked.length]).toEqual([5, 3]);
    pass(1);
    expect([limitNow(), asked.length]).toEqual([5, 4]);
    expect(errors).toHaveLength(2);
    for (const [account, reported] of errors) {
      expect(account).toBe('a');
      expect(reported).toMatch(message);
    }
    expect(source.stats().failures).toBe(2);
  });

  it('is a fetch that takes too long: requests wait for timeoutMs at most, and later requests do not wait', async () => {
    const { limit, limitNow, asked, source, errors } = sourceOf({ timeoutMs: 10, abortMs: 60_000 });
    expect(await Promise.all([limit(), limit()])).toEqual([1, 1]);
    expect(limitNow()).toBe(1);
    expect(asked[0]!.signal.aborted).toBe(false);
    // A late answer is still cached.
    await asked[0]!.answer(of(5));
    expect(limitNow()).toBe(5);
    expect([asked.length, errors.length, source.stats().failures]).toEqual([1, 0, 0]);
  });

  it('is a fetch that never ends: it is aborted, and its late answer is ignored', async () => {
    const { limit, limitNow, asked, errors } = sourceOf({ abortMs: 10, retryMs: 60_000 });
    expect(await limit()).toBe(1);
    expect(asked[0]!.signal.aborted).toBe(true);
    await asked[0]!.answer(of(5));
    expect(limitNow()).toBe(1);
    expect(errors).toEqual([['a', 'There was no answer within 10 ms']]);
  });

  it('causes one process warning when failures begin, without onError', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error) => warnings.push(warning.message);
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    let fails = true;
    const source = accountLimits(
      () => {
        if (fails) throw new Error(`gone`);
        return undefined;
      },
      { retryMs: 0, freshMs: 0 },
    );
    for (const failing of [true, true, false, true, true]) {
      fails = failing;
      source.layerOf('a');
    }
    const loud = accountLimits(() => Promise.reject(new Error('gone')), {
      onError: () => {
        throw new Error('and so is this');
      },
    });
    await loud.layerOf('a');
    await vi.waitFor(() =>
      expect(warnings).toEqual([
        'The limits of accounts cannot be fetched: gone',
        'The limits of accounts cannot be fetched: gone',
        '`onError` failed: and so is this',
      ]),
    );
  });
});

describe('hostile names', () => {
  it('above 1024 characters are not fetched', () => {
    const { limitNow, asked, source } = sourceOf();
    expect(limitNow('a'.repeat(1025))).toBe(1);
    expect(source.stats()).toMatchObject({ fetches: 0, accounts: 0 });
    expect(limitNow('a'.repeat(1024))).toBe('asked');
    expect(asked).toHaveLength(1);
  });

  it('are refused above maxPending with `unasked: deny`, and cost no counter; accounts with an answer are not', async () => {
    const { source, asked, pass } = sourceOf({ maxPending: 2, unasked: 'deny', freshMs: 1000 });
    const store = new MemoryStore();
    const throttle = { afterViolations: 1, withinMs: 60_000, forMs: 60_000, factor: 0 };
    const policy = {
      quotas: [perMinute(100)],
      categories: { legs: [perMinute(50)] },
      total: [perMinute(80)],
      throttle,
    };
    const limiter = new RateLimiter({ policy, store, accounts: source, timeoutMs: 60_000 });
    onTestFinished(() => void limiter.close());
    const consume = (account: string) => limiter.consume({ account, category: 'legs' });

    const first = consume('acme');
    await asked[0]!.answer(of(7));
    expect((await first).tightest).toMatchObject({ limit: 7 });
    const waiting = [consume('invented-1'), consume('invented-2')];
    const before = store.stats();
    for (let index = 3; index < 1000; index++) {
      const decision = (await consume(`invented-${index}`)) as Decision;
      expect(decision).toMatchObject({ allowed: false, retryAfterMs: null, tightest: { name: 'unasked', limit: 0 } });
    }
    expect(store.stats()).toEqual(before);
    expect(source.stats()).toMatchObject({ fetches: 3, unasked: 997 });
    // A stale answer decides while the account cannot be asked about again.
    pass(5000);
    expect((await consume('acme')).tightest).toMatchObject({ limit: 7, used: 2 });

    for (const index of [1, 2]) await asked[index]!.answer(undefined);
    for (const { tightest } of await Promise.all(waiting)) expect(tightest).toMatchObject({ limit: 50 });
    const again = consume('invented-3');
    await asked.at(-1)!.answer(undefined);
    expect((await again).allowed).toBe(true);
  });

  it('are observed above maxPending, where the policy only observes', async () => {
    const { source, asked } = sourceOf({ maxPending: 1, unasked: 'deny' });
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(1)], mode: 'observe' }, accounts: source });
    onTestFinished(() => void limiter.close());
    const pending = limiter.consume({ account: 'pending', category: 'legs' });
    expect(await limiter.consume({ account: 'invented', category: 'legs' })).toMatchObject({
      allowed: true,
      wouldRefuse: true,
    });
    await asked[0]!.answer(undefined);
    await pending;
  });

  it('in any number have at most maxPending fetches pending, and evict no account that has limits of its own', async () => {
    const { source, limit, limitNow, asked } = sourceOf({ maxPending: 3, maxAccounts: 5 });
    const first = limit('real');
    await asked[0]!.answer(of(5));
    await first;
    expect(['x', 'y', 'z', 'v', 'w'].map((account) => limitNow(account))).toEqual(['asked', 'asked', 'asked', 1, 1]);
    expect(source.stats()).toMatchObject({ fetches: 4, unasked: 2 });
    for (const { answer } of asked.slice(1)) await answer(undefined);
    for (let index = 0; index < 20; index++) {
      limitNow(`invented${index}`);
      await asked.at(-1)!.answer(undefined);
    }
    expect(source.stats().accounts).toBe(6);
    expect(limitNow('real')).toBe(5);
  });

  it('of any characters work like other names', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', '', 'constructor', '}{', '\0')),
        ),
        (names) => {
          const source = accountLimits((account) => of(names.indexOf(account) + 100));
          for (const _ of [1, 2]) {
            for (const [index, name] of names.entries()) {
              expect(source.layerOf(name)).toMatchObject({ quotas: [{ limit: index + 100 }] });
            }
          }
          expect(source.stats().fetches).toBe(names.length);
        },
      ),
    );
  });
});

describe('for any function', () => {
  it('an account has the last good answer that is not too old, or the policy alone, and is fetched no more often than promised', () => {
    const step = fc.oneof(
      fc.record({ pass: fc.nat(700) }),
      fc.record({ answer: fc.oneof(fc.integer({ min: 2, max: 9 }), fc.constantFrom('throws', 'bad', 'nothing')) }),
      fc.constant('ask' as const),
      fc.constant('forget' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const [freshMs, staleMs, retryMs] = [1000, 1500, 300];
        let now = 0;
        let answer: string | number = 'nothing';
        let calls = 0;
        const source = accountLimits(
          () => {
            calls++;
            if (answer === 'throws') throw new Error('gone');
            return answer === 'nothing' ? undefined : of(answer === 'bad' ? -1 : Number(answer));
          },
          { clock: () => now, freshMs, staleMs, retryMs, onError: () => {} },
        );
        let known: { limit: number | undefined; at: number } | undefined;
        let askAt = 0;
        let expectedCalls = 0;
        for (const step of steps) {
          if (step === 'forget') {
            source.forget('a');
            known = undefined;
            askAt = 0;
          } else if (step === 'ask') {
            if (now >= askAt) {
              expectedCalls++;
              const fails = answer === 'throws' || answer === 'bad';
              askAt = now + (fails ? retryMs : freshMs);
              if (!fails) known = { limit: answer === 'nothing' ? undefined : Number(answer), at: now };
            }
            const isUsable = known !== undefined && now < known.at + freshMs + staleMs;
            const layer = source.layerOf('a') as Layer | undefined;
            expect((layer?.quotas as { limit: number }[] | undefined)?.[0]?.limit).toBe(
              isUsable ? known!.limit : undefined,
            );
            expect(calls).toBe(expectedCalls);
          } else if ('pass' in step) now += step.pass;
          else answer = step.answer;
        }
      }),
    );
  });
});

describe('with a limiter', () => {
  it('the layer of the function wins over the whole policy, and changes while requests pass', async () => {
    const { source, asked, pass } = sourceOf({ freshMs: 1000 });
    const limiter = new RateLimiter({
      policy: { quotas: [perMinute(1)], accounts: { a: { quotas: [perMinute(2)] } } },
      accounts: source,
      timeoutMs: 60_000,
    });
    onTestFinished(() => limiter.close());
    const limitOf = async (account: string) => (await limiter.consume({ account, category: 'legs' })).tightest!.limit;
    const first = Promise.all([limitOf('a'), limitOf('b')]);
    await asked[0]!.answer(of(50));
    await asked[1]!.fail(new Error('gone'));
    expect(await first).toEqual([50, 1]);
    pass(1000);
    expect([await limitOf('a'), await limitOf('b')]).toEqual([50, 1]);
    await asked[2]!.answer(undefined);
    await asked[3]!.answer(of(60));
    expect([await limitOf('a'), await limitOf('b')]).toEqual([2, 60]);
    expect(limiter.stats().sourceFailures).toBe(0);
  });

  it('close aborts pending fetches, and after it the policy alone decides', async () => {
    const { source, asked, errors } = sourceOf();
    const waiting = source.layerOf('a');
    source.forget('a');
    source.layerOf('a');
    source.close();
    source.close();
    expect(await waiting).toBeUndefined();
    expect(asked.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    expect(errors).toEqual([]);
    expect(() => source.layerOf('a')).toThrow(expect.objectContaining({ code: 'TOLLGATE_CLOSED' }));
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(4)] }, accounts: source });
    expect((await limiter.consume({ account: 'a', category: 'legs' })).tightest!.limit).toBe(4);
    expect(limiter.stats().sourceFailures).toBe(1);
  });
});

it.each<[string, unknown, string]>([
  ['a fetch that is not a function', () => accountLimits(5 as never), 'TOLLGATE_OPTION_TYPE'],
  ...(['freshMs', 'staleMs', 'maxAccounts', 'timeoutMs', 'abortMs', 'retryMs', 'maxPending'] as const).flatMap(
    (option): [string, unknown, string][] => [
      [`${option} of -1`, () => accountLimits(() => undefined, { [option]: -1 }), 'TOLLGATE_OPTION_RANGE'],
      [`${option} of 1.5`, () => accountLimits(() => undefined, { [option]: 1.5 }), 'TOLLGATE_OPTION_RANGE'],
      [
        `${option} as a string`,
        () => accountLimits(() => undefined, { [option]: '1' as never }),
        'TOLLGATE_OPTION_TYPE',
      ],
    ],
  ),
  [
    'an onError that is not a function',
    () => accountLimits(() => undefined, { onError: 5 as never }),
    'TOLLGATE_OPTION_TYPE',
  ],
  [
    'a clock that is not a function',
    () => accountLimits(() => undefined, { clock: 5 as never }),
    'TOLLGATE_OPTION_TYPE',
  ],
  [
    'another word for unasked',
    () => accountLimits(() => undefined, { unasked: 'refuse' as never }),
    'TOLLGATE_OPTION_RANGE',
  ],
  ['an unknown option', () => accountLimits(() => undefined, { ttl: 5 } as never), 'TOLLGATE_OPTION_UNKNOWN'],
])('refuses %s', (_, make, code) => {
  expect(make).toThrow(expect.objectContaining({ code }));
});
