import { defineAccountLayer, definePolicy, type Layer, perMinute, RateLimiter } from '@tollgate/core';
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

/** A source whose questions the test answers, on a clock that the test holds. */
function world(options: AccountLimitsOptions = {}) {
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
    /** At once; a promise is told by its name. */
    limitNow: (account = 'a') => {
      const layer = source.layerOf(account);
      return layer instanceof Promise ? ('asked' as const) : limitIn(layer);
    },
    limit: async (account = 'a') => limitIn(await source.layerOf(account)),
  };
}

describe('an answer', () => {
  it('is waited for once, by all who ask, and holds for freshMs', async () => {
    const { limit, limitNow, asked, pass, source } = world({ freshMs: 1000 });
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
    const { limitNow, limit, asked, pass, source } = world({ freshMs: 1000 });
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

  it('that says the same is the same layer, so that limiters know it; another is another', async () => {
    const { source, asked, pass } = world({ freshMs: 1000 });
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

  it.each([undefined, null])('that there is nothing, %s, is remembered as well', async (nothing) => {
    const { limit, limitNow, asked, source } = world();
    const first = limit();
    await asked[0]!.answer(nothing);
    expect(await first).toBe(1);
    expect(limitNow()).toBe(1);
    expect(source.stats()).toMatchObject({ hits: 1, fetches: 1, accounts: 1 });
  });

  it('may be given at once, and then no one waits', () => {
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

  it('is too old after staleMs, and is waited for again', async () => {
    const { limit, limitNow, asked, pass, errors } = world({ freshMs: 1000, staleMs: 500, retryMs: 100 });
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

  it('is forgotten when it is said so, and what was asked before that is not remembered', async () => {
    const { source, limit, limitNow, asked } = world();
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
    ['a rejection with no error', (asked) => asked.fail('no'), /threw "no", which is no error/],
    ['a bad limit', (asked) => asked.answer(of(-1)), /^Expected `accounts.a.quotas\[0\].limit` to be/],
    ['an unknown option', (asked) => asked.answer({ plan: 'gold' } as never), /^Unknown option `accounts.a.plan`/],
    ['a number', (asked) => asked.answer(5 as never), /^Expected `accounts.a` to be a plain object, got 5$/],
    ['a path that is no layer', (asked) => asked.answer({ path: 'x' } as never), /^Unknown option `accounts.a.path`/],
  ])('leaves what was known, and the account is not asked about again for retryMs: %s', async (_, spoil, message) => {
    const { limit, limitNow, asked, pass, errors, source } = world({ freshMs: 1000, retryMs: 50 });
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
    for (const [account, told] of errors) {
      expect(account).toBe('a');
      expect(told).toMatch(message);
    }
    expect(source.stats().failures).toBe(2);
  });

  it('is a question that takes too long: requests wait for timeoutMs at most, and then not at all', async () => {
    const { limit, limitNow, asked, source, errors } = world({ timeoutMs: 10, abortMs: 60_000 });
    expect(await Promise.all([limit(), limit()])).toEqual([1, 1]);
    expect(limitNow()).toBe(1);
    expect(asked[0]!.signal.aborted).toBe(false);
    // Late, and still of use.
    await asked[0]!.answer(of(5));
    expect(limitNow()).toBe(5);
    expect([asked.length, errors.length, source.stats().failures]).toEqual([1, 0, 0]);
  });

  it('is one that never ends: it is aborted, and what comes of it later is of no account', async () => {
    const { limit, limitNow, asked, errors } = world({ abortMs: 10, retryMs: 60_000 });
    expect(await limit()).toBe(1);
    expect(asked[0]!.signal.aborted).toBe(true);
    await asked[0]!.answer(of(5));
    expect(limitNow()).toBe(1);
    expect(errors).toEqual([['a', 'There was no answer within 10 ms']]);
  });

  it('is warned of when failures begin, if no one else is told', async () => {
    const warnings: string[] = [];
    const hear = (warning: Error) => warnings.push(warning.message);
    process.on('warning', hear);
    onTestFinished(() => void process.off('warning', hear));
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
        'The limits of accounts cannot be asked for: gone',
        'The limits of accounts cannot be asked for: gone',
        '`onError` failed: and so is this',
      ]),
    );
  });
});

describe('hostile names', () => {
  it('beyond 1024 characters are not asked about', () => {
    const { limitNow, asked, source } = world();
    expect(limitNow('a'.repeat(1025))).toBe(1);
    expect(source.stats()).toMatchObject({ fetches: 0, accounts: 0 });
    expect(limitNow('a'.repeat(1024))).toBe('asked');
    expect(asked).toHaveLength(1);
  });

  it('in any number hold no more questions than maxPending, and push out no account that has limits of its own', async () => {
    const { source, limit, limitNow, asked } = world({ maxPending: 3, maxAccounts: 5 });
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

  it('are accounts like any other', () => {
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

describe('whatever a function does', () => {
  it('an account has the last good answer that is not too old, or the policy alone, and is asked about no more than is said', () => {
    const step = fc.oneof(
      fc.record({ pass: fc.nat(700) }),
      fc.record({ says: fc.oneof(fc.integer({ min: 2, max: 9 }), fc.constantFrom('throws', 'bad', 'nothing')) }),
      fc.constant('ask' as const),
      fc.constant('forget' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const [freshMs, staleMs, retryMs] = [1000, 1500, 300];
        let now = 0;
        let says: string | number = 'nothing';
        let calls = 0;
        const source = accountLimits(
          () => {
            calls++;
            if (says === 'throws') throw new Error('gone');
            return says === 'nothing' ? undefined : of(says === 'bad' ? -1 : Number(says));
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
              const fails = says === 'throws' || says === 'bad';
              askAt = now + (fails ? retryMs : freshMs);
              if (!fails) known = { limit: says === 'nothing' ? undefined : Number(says), at: now };
            }
            const isUsable = known !== undefined && now < known.at + freshMs + staleMs;
            const layer = source.layerOf('a') as Layer | undefined;
            expect((layer?.quotas as { limit: number }[] | undefined)?.[0]?.limit).toBe(
              isUsable ? known!.limit : undefined,
            );
            expect(calls).toBe(expectedCalls);
          } else if ('pass' in step) now += step.pass;
          else says = step.says;
        }
      }),
    );
  });
});

describe('with a limiter', () => {
  it('what the function tells comes before all that the policy says, and changes while requests pass', async () => {
    const { source, asked, pass } = world({ freshMs: 1000 });
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

  it('close ends what is under way, and a closed source leaves the policy alone', async () => {
    const { source, asked, errors } = world();
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
  ['a fetch that is none', () => accountLimits(5 as never), 'TOLLGATE_OPTION_TYPE'],
  ...(['freshMs', 'staleMs', 'maxAccounts', 'timeoutMs', 'abortMs', 'retryMs', 'maxPending'] as const).flatMap(
    (option): [string, unknown, string][] => [
      [`${option} of -1`, () => accountLimits(() => undefined, { [option]: -1 }), 'TOLLGATE_OPTION_RANGE'],
      [`${option} of 1.5`, () => accountLimits(() => undefined, { [option]: 1.5 }), 'TOLLGATE_OPTION_RANGE'],
      [`${option} as a text`, () => accountLimits(() => undefined, { [option]: '1' as never }), 'TOLLGATE_OPTION_TYPE'],
    ],
  ),
  ['an onError that is none', () => accountLimits(() => undefined, { onError: 5 as never }), 'TOLLGATE_OPTION_TYPE'],
  ['a clock that is none', () => accountLimits(() => undefined, { clock: 5 as never }), 'TOLLGATE_OPTION_TYPE'],
  ['an unknown option', () => accountLimits(() => undefined, { ttl: 5 } as never), 'TOLLGATE_OPTION_UNKNOWN'],
])('refuses %s', (_, make, code) => {
  expect(make).toThrow(expect.objectContaining({ code }));
});
