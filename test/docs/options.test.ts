import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Charge,
  type Decision,
  definePolicy,
  MemoryStore,
  perMinute,
  Quota,
  RateLimiter,
  type Store,
  type TollgateError,
} from '@tollgate/core';
import { Answers, CHARGE_OPTIONS, clientAddress } from '@tollgate/core/http';
import { MemoryUsage, summarizeUsage } from '@tollgate/core/usage';
import { rateLimit } from '@tollgate/express';
import { rateLimit as fastifyRateLimit } from '@tollgate/fastify';
import { RedisLimits, RedisStore, RedisUsage } from '@tollgate/redis';
import { accountLimits, loadPolicyFile, parseLayer, parsePolicy, watchPolicyFile } from '@tollgate/sources';
import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { RunningServer } from '../redis-servers/standalone.js';
import { ROOT, readPage } from './fences.js';
import { section, tableOf } from './section.js';

const policy = { quotas: [perMinute(100)] };

/** The names in the first column of the tables. */
function names(text: string): string[] {
  return [...text.matchAll(/^\| `(\w+)`\s*\|/gm)].map((match) => match[1]!);
}

/** The options that the error for an unknown one lists. */
async function known(use: () => unknown): Promise<string[]> {
  const { code, message } = await thrownBy(use);
  expect(code).toBe('TOLLGATE_OPTION_UNKNOWN');
  return /expected one of (.*)$/.exec(message)![1]!.split(', ');
}

async function thrownBy(use: () => unknown): Promise<TollgateError> {
  try {
    await use();
  } catch (error) {
    return error as TollgateError;
  }
  throw new Error('nothing was thrown');
}

describe('the options of the adapters', () => {
  const page = readPage('docs/reference.md');
  const http = readPage('docs/http.md');
  const shared = section(page, '### Options of both adapters');
  const fastifyAlone = section(page, '### Options of the Fastify plugin alone');

  it('in docs/reference.md are those of the Express middleware, all of them and no others', async () => {
    const options = await known(() => rateLimit({ nope: 1 } as never));
    expect(names(shared).sort()).toEqual(options.sort());
  });

  it('in docs/reference.md are those of the Fastify plugin, all of them and no others', async () => {
    const options = await known(() => Fastify().register(fastifyRateLimit, { nope: 1 } as never));
    expect([...names(shared), ...names(fastifyAlone)].sort()).toEqual(options.sort());
  });

  it('in docs/http.md name what a Fastify route overrides', () => {
    const [, overrides] = /A route overrides (.*?) by/s.exec(section(http, '## Fastify'))!;
    expect([...overrides!.matchAll(/`(\w+)`/g)].map((match) => match[1]!).sort()).toEqual([...CHARGE_OPTIONS].sort());
  });

  it('have the defaults of the refusal in docs/http.md', () => {
    const [, code, message] = /"code":"(\w+)","message":"([^"]+)"/.exec(section(http, '## The refusal'))!;
    const byName = new Map(tableOf(shared).map((row) => [row['option'], row['default']]));
    expect([byName.get('`code`'), byName.get('`message`')]).toEqual([`\`${code}\``, `\`${message}\``]);
  });
});

const url = 'redis://127.0.0.1:1';
describe.each<[page: string, heading: string, make: (options: object) => unknown]>([
  ['docs/reference.md', '### Options of RateLimiter', (options) => new RateLimiter({ policy, ...options }).close()],
  ['docs/reference.md', '### Options of MemoryStore', (options) => new MemoryStore(options).close()],
  ['docs/reference.md', '### Options of RedisStore', (options) => new RedisStore({ url, ...options }).close()],
  [
    'docs/reference.md',
    '### Options of both adapters',
    (options) => rateLimit({ policy, account: 'address', ...options }),
  ],
  ['docs/redis.md', '### Options of the limits', (options) => new RedisLimits({ url, ...options }).close()],
  ['docs/usage.md', '## Options', (options) => new RateLimiter({ policy, usage: options }).close()],
  ['docs/usage.md', '### MemoryUsage', (options) => new MemoryUsage(options).close()],
  ['docs/usage.md', '### RedisUsage', (options) => new RedisUsage({ url, ...options }).close()],
])('the options in %s under %s', (page, heading, make) => {
  const table = section(readPage(page), heading);
  const integers = tableOf(table).flatMap((row) => {
    const cells = Object.values(row);
    const range = cells.map((cell) => /^integer from (\d+) to (\d+)$/.exec(cell)).find((match) => match !== null);
    const byDefault = cells.find((cell) => /^\d+$/.test(cell));
    return range == null ? [] : [[cells[0]!.slice(1, -1), Number(range[1]), Number(range[2]), byDefault] as const];
  });

  it('are all of them and no others', async () => {
    expect(names(table).sort()).toEqual((await known(() => make({ nope: 1 }))).sort());
  });

  it('have a range for each integer', () => {
    expect(integers.length).toBeGreaterThan(0);
  });

  it.each(integers)('`%s` is an integer from %d to %d, by default %s', async (name, least, most, byDefault) => {
    for (const value of [least, most, Number(byDefault ?? least)]) await make({ [name]: value });
    for (const value of [least - 1, most + 1]) {
      expect((await thrownBy(() => make({ [name]: value }))).code).toBe('TOLLGATE_OPTION_RANGE');
    }
  });
});

describe('the report in docs/usage.md', () => {
  it('has the fields that there are', () => {
    const report = section(readPage('docs/usage.md'), '## The report');
    const fields = report.slice(report.indexOf('| report'), report.indexOf('###'));
    const first = [...fields.matchAll(/^\| (`[^|]*`)/gm)].flatMap((row) => [...row[1]!.matchAll(/`(\w+)`/g)]);
    expect(first.map((name) => name[1]!).sort()).toEqual(Object.keys(summarizeUsage([], { account: 'a' })).sort());
  });
});

describe('the options of sources in docs/policy-files.md', () => {
  const page = readPage('docs/policy-files.md');
  const watched = section(page, '## A file that is watched');
  const fetched = section(page, '### From a function');

  it('are all of them and no others', async () => {
    expect(names(watched).sort()).toEqual((await known(() => watchPolicyFile('x', { nope: 1 } as never))).sort());
    expect(names(fetched).sort()).toEqual(
      (await known(() => accountLimits(() => undefined, { nope: 1 } as never))).sort(),
    );
  });

  it.each([...fetched.matchAll(/^\| `(\w+)`\s*\| integer from (\d+) to (\d+)/gm)].map((row) => row.slice(1)))(
    '`%s` is an integer from %s to %s',
    async (name, least, most) => {
      for (const value of [Number(least), Number(most)]) accountLimits(() => undefined, { [name!]: value });
      for (const value of [Number(least) - 1, Number(most) + 1]) {
        const { code } = await thrownBy(() => accountLimits(() => undefined, { [name!]: value }));
        expect(code).toBe('TOLLGATE_OPTION_RANGE');
      }
    },
  );
});

describe('the outage in docs/http.md', () => {
  it('is what an adapter sends', () => {
    const outage = section(readPage('docs/http.md'), '## The outage');
    const [body] = /\{"request_id.*\}/.exec(outage)!;
    expect(outage).toContain(`Content-Length: ${body.length}\n`);
    const decision = { reason: 'store-unavailable' } as Decision;
    expect(new Answers({}).writeBody(decision, 'c6084ac2e9a44812824b42577f01937b', () => {})).toBe(body);
  });
});

describe('the bad request in docs/http.md', () => {
  it('is what an adapter sends', () => {
    const badRequest = section(readPage('docs/http.md'), '## The bad request');
    const [body] = /\{"request_id.*\}/.exec(badRequest)!;
    expect(badRequest).toContain(`Content-Length: ${body.length}\n`);
    expect(new Answers({}).writeBadCost('c6084ac2e9a44812824b42577f01937b', () => {})).toBe(body);
  });
});

describe('the warnings in docs/is-it-on.md', () => {
  it('have a heading each, and no heading is of anything else', () => {
    const source = readFileSync(join(ROOT, 'packages/core/src/warnings.ts'), 'utf8');
    const union = /export type WarningCode =([^;]*);/.exec(source)![1]!;
    const codes = [...union.matchAll(/'(\w+)'/g)].map((match) => match[1]!);
    const headings = [...readPage('docs/is-it-on.md').matchAll(/^### (.*)$/gm)].map((match) => match[1]!);
    expect(codes.length).toBeGreaterThan(0);
    expect(headings.sort()).toEqual(codes.sort());
  });
});

describe('the errors in docs/errors.md', () => {
  const page = readPage('docs/errors.md');
  const headings = [...page.matchAll(/^## (.*)$/gm)].map((match) => match[1]!);

  it('have a heading each, and no heading is of anything else', () => {
    const source = readFileSync(join(ROOT, 'packages/core/src/errors.ts'), 'utf8');
    const union = /export type ErrorCode =([^;]*);/.exec(source)![1]!;
    const codes = [...union.matchAll(/'(\w+)'/g)].map((match) => match[1]!);
    expect(codes.length).toBeGreaterThan(0);
    expect([...headings].sort()).toEqual(codes.sort());
  });

  const charge = { account: 'ameyo5m', category: 'legs' };
  const limiter = new RateLimiter({ policy });
  const closed = () => {
    const limiter = new RateLimiter({ policy });
    limiter.close();
    return limiter;
  };
  /** A store that does all but one thing. */
  const broken = (method: 'refund' | 'reset', act: () => unknown): Store => {
    const memory = new MemoryStore();
    return {
      consume: (...charge) => memory.consume(...charge),
      peek: (...charge) => memory.peek(...charge),
      refund: (...charge) => memory.refund(...charge),
      reset: (...names) => memory.reset(...names),
      close: () => undefined,
      [method]: act,
    };
  };
  /** A policy that admits one request, and the charge of another. */
  const refuse = (charge: Charge) => {
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(1)] } });
    limiter.consume({ ...charge, cost: 1 });
    return limiter.consumeOrThrow(charge);
  };
  const thrower = () => {
    throw new Error('gone');
  };
  const refundOn = async (store: Store) => {
    const limiter = new RateLimiter({ policy, store });
    return limiter.refund((await limiter.consume(charge)).receipt!);
  };
  const withoutRedis = async (use: (store: RedisStore) => unknown) => {
    const store = new RedisStore({ url: 'redis://127.0.0.1:1' });
    try {
      await use(store);
    } finally {
      await store.close();
    }
  };
  const onRedis = async (use: (limits: RedisLimits) => unknown) => {
    const server = await RunningServer.start();
    const limits = new RedisLimits({ url: server.url });
    try {
      await use(limits);
    } finally {
      await limits.close();
      await server.stop();
    }
  };
  const throttle = { afterViolations: 1, withinMs: 1000, forMs: 1000, factor: 0 };
  const throttlingOn = (store: Store) => new RateLimiter({ policy: { ...policy, throttle }, store });
  const resetOn = (store: Store) => new RateLimiter({ policy, store }).reset(charge);
  const cases: Record<string, readonly [string, () => unknown][]> = {
    TOLLGATE_OPTION_TYPE: [
      ['a text as a limit', () => perMinute('100' as never)],
      ['no policy', () => rateLimit({ account: 'address' })],
      ['no options', () => rateLimit(undefined as never)],
      ['a policy without quotas', () => definePolicy({} as never)],
      ['a usage store without methods', () => new RateLimiter({ policy, usage: { store: {} as never } })],
      ['usage that is a number', () => new RateLimiter({ policy, usage: 5 as never })],
      ['a store without methods', () => new RateLimiter({ policy, store: {} as never })],
      ['a clock that is a number', () => new MemoryStore({ clock: 5 as never })],
      ['a charge without an account', () => limiter.consume({ category: 'legs' } as never)],
      ['a peek with a cost that is a text', () => limiter.peek({ ...charge, cost: '2' as never })],
      ['a charge with an empty category', () => limiter.consume({ ...charge, category: '' })],
      ['a receipt of nothing', () => limiter.refund({} as never)],
      ['a reset of no account', () => limiter.reset({} as never)],
    ],
    TOLLGATE_OPTION_RANGE: [
      ['a window that is not whole', () => new Quota({ limit: 1, windowMs: 0.5 })],
      ['a window above 31 days', () => new Quota({ limit: 1, windowMs: 2_678_400_001 })],
      ['an empty list', () => definePolicy({ quotas: [] })],
      [
        'nine quotas',
        () => definePolicy({ quotas: Array.from({ length: 9 }, (_, at) => perMinute(1, { every: at + 1 })) }),
      ],
      ['two quotas of one window', () => definePolicy({ quotas: [perMinute(1), perMinute(2, { name: 'other' })] })],
      ['a URL of another kind', () => new RedisStore({ url: 'http://127.0.0.1' })],
      ['an empty code', () => rateLimit({ policy, account: 'address', code: '' })],
      [
        'a header format that there is not',
        () => rateLimit({ policy, account: 'address', headers: 'draft-6' as never }),
      ],
      ['a time that ends before it begins', () => summarizeUsage([], { account: 'a', from: 5, to: 5 })],
      ['a cost below 0', () => limiter.consume({ ...charge, cost: -1 })],
    ],
    TOLLGATE_OPTION_UNKNOWN: [
      ['of a policy', () => definePolicy({ ...policy, catgories: {} } as never)],
      ['of a quota', () => new Quota({ limit: 1, windowMs: 1000, max: 1 } as never)],
      ['of a limiter', () => new RateLimiter({ policy, prefix: 'x' } as never)],
      ['of a store', () => new MemoryStore({ max: 1 } as never)],
      ['of a charge', () => limiter.consume({ ...charge, costs: 9 } as never)],
      ['of usage', () => new RateLimiter({ policy, usage: { keepHours: 1 } as never })],
      ['of an adapter', () => rateLimit({ policy, keyGenerator: () => 'x' } as never)],
    ],
    TOLLGATE_OPTION_CONFLICT: [
      ['a limiter and a policy', () => rateLimit({ limiter, policy, account: 'address' })],
      ['a Redis client and a URL', () => new RedisStore({ client: {} as never, url: 'redis://127.0.0.1' })],
      ['limits with a client and a URL', () => new RedisLimits({ client: {} as never, url: 'redis://127.0.0.1' })],
      ['a limiter and a store', () => rateLimit({ limiter, store: new MemoryStore(), account: 'address' })],
      ['usage with a client and a URL', () => new RedisUsage({ client: {} as never, url: 'redis://127.0.0.1' })],
      [
        'a usage store and for how many days it keeps',
        () => new RateLimiter({ policy, usage: { store: new MemoryUsage(), keepDays: 7 } }),
      ],
      ['usage of a limiter that counts none', () => limiter.usage({ account: 'ameyo5m' })],
      ['a throttle on a store that keeps no violations', () => throttlingOn(broken('refund', thrower))],
      [
        'another policy with a throttle on such a store',
        () => new RateLimiter({ policy, store: broken('refund', thrower) }).setPolicy({ ...policy, throttle }),
      ],
    ],
    TOLLGATE_NO_ACCOUNT: [
      ['options without an account', () => rateLimit({ policy } as never)],
      ['a plugin without an account', () => Fastify().register(fastifyRateLimit, { policy } as never)],
    ],
    TOLLGATE_NO_ADDRESS: [
      ['a client without an address', () => clientAddress(undefined)],
      ['an empty address', () => clientAddress('')],
    ],
    TOLLGATE_LIMITED: [
      ['a charge that is refused', () => refuse({ ...charge, account: 'limited' })],
      ['a charge that never fits', () => refuse({ ...charge, account: 'never', cost: 2_000_000_000 })],
    ],
    TOLLGATE_STORE_FAILED: [
      ['a refund that throws', () => refundOn(broken('refund', thrower))],
      ['a refund that is refused', () => refundOn(broken('refund', () => Promise.reject(new Error('gone'))))],
      ['a refund that is not answered', () => refundOn(broken('refund', () => new Promise(() => {})))],
      ['a reset that is refused', () => resetOn(broken('reset', () => Promise.reject()))],
      ['a Redis that is not there', () => withoutRedis((store) => store.probe('ameyo5m'))],
      [
        'limits on a Redis that is not there',
        async () => {
          const limits = new RedisLimits({ url: 'redis://127.0.0.1:1', timeoutMs: 20 });
          await limits.set('ameyo5m', policy).finally(() => limits.close());
        },
      ],
    ],
    TOLLGATE_LIMITS_CONFLICT: [
      ['a version that there is not', () => onRedis((limits) => limits.set('ameyo5m', policy, { ifVersion: 7 }))],
      [
        'a version that there was',
        () =>
          onRedis(async (limits) => {
            const { version } = await limits.set('ameyo5m', policy);
            await limits.set('ameyo5m', policy);
            await limits.delete('ameyo5m', { ifVersion: version });
          }),
      ],
    ],
    TOLLGATE_POLICY_FILE: [
      ['a text that is no YAML', () => parsePolicy('quotas: [')],
      ['a policy without quotas', () => parsePolicy('{}', { file: 'policy.json' })],
      ['a layer with an unknown option', () => parseLayer('plan: gold')],
      ['a file that is not there', () => loadPolicyFile('/nowhere/policy.yaml')],
      ['a directory that is watched', () => watchPolicyFile('/')],
    ],
    TOLLGATE_CLOSED: [
      ['consume', () => closed().consume(charge)],
      ['peek', () => closed().peek(charge)],
      ['reset', () => closed().reset(charge)],
      ['refund', () => closed().refund({} as never)],
      [
        'a closed source',
        () => {
          const source = accountLimits(() => undefined);
          source.close();
          return source.layerOf('ameyo5m');
        },
      ],
      [
        'a closed store',
        () => {
          const store = new MemoryStore();
          store.close();
          return store.peek('ameyo5m', [], 0);
        },
      ],
      [
        'closed usage',
        () => {
          const usage = new MemoryUsage();
          usage.close();
          return usage.read('ameyo5m', 0, 1);
        },
      ],
      [
        'closed limits',
        async () => {
          const limits = new RedisLimits({ url: 'redis://127.0.0.1:1' });
          await limits.close();
          return limits.get('ameyo5m');
        },
      ],
    ],
  };

  it('are all tried here', () => {
    expect(Object.keys(cases).sort()).toEqual([...headings].sort());
  });

  for (const [code, tries] of Object.entries(cases)) {
    it.each(tries)(`${code} is thrown as documented: %s`, async (_, use) => {
      const error = await thrownBy(use);
      const about = section(page, `## ${code}`);
      expect(error.code).toBe(code);
      expect(error.page).toBe(`docs/errors.md#${code.toLowerCase()}`);
      expect(about).toMatch(new RegExp(`^\\s*An? \`${error.name}\``));
      const form = /^ {4}(.*)$/m.exec(about)![1]!;
      expect(error.message).toMatch(
        new RegExp(`^${form.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/<[^>]*>/g, '.+')}$`),
      );
    });
  }
});
