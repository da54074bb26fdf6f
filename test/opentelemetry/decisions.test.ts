import { MemoryStore, perMinute, perSecond, RateLimiter } from '@tollgate/core';
import { type ObserveOptions, observeRateLimits } from '@tollgate/opentelemetry';
import { afterEach, describe, expect, it } from 'vitest';
import { Collector } from './collector.js';

const collectors: Collector[] = [];
afterEach(async () => {
  for (const collector of collectors.splice(0)) await collector.stop();
});

function observed(options?: ObserveOptions): Collector {
  const collector = new Collector(options);
  collectors.push(collector);
  return collector;
}

function send(limiter: RateLimiter, times: number, category = 'legs', account = 'ameyo5m'): void {
  for (let sent = 0; sent < times; sent++) void limiter.consume({ account, category });
}

describe('decisions', () => {
  it('are counted exactly, by limiter, category, outcome, reason and source', async () => {
    const collector = observed();
    const store = new MemoryStore({ clock: () => 0 });
    const quotas = [perMinute(10)];
    const limiter = new RateLimiter({
      name: 'api',
      store,
      policy: { quotas, categories: { events: { quotas, mode: 'observe' }, free: 'unlimited' } },
    });
    const other = new RateLimiter({ policy: { quotas } });
    send(limiter, 13);
    send(limiter, 14, 'events');
    send(limiter, 15, 'free');
    limiter.consume({ account: 'ameyo5m', category: 'actions', cost: 11 });
    limiter.peek({ account: 'ameyo5m', category: 'actions' });
    send(other, 3);
    limiter.suspend();
    send(limiter, 4);
    expect(await collector.lines('tollgate.decisions')).toEqual([
      'category=actions limiter=api outcome=refused reason=cost-above-limit scope=category source=store: 1',
      'category=events limiter=api outcome=admitted reason=admitted source=store: 10',
      'category=events limiter=api outcome=would_refuse reason=limit-reached scope=category source=store: 4',
      'category=free limiter=api outcome=admitted reason=admitted source=none: 15',
      'category=legs limiter=api outcome=admitted reason=admitted source=store: 10',
      'category=legs limiter=api outcome=admitted reason=suspended source=none: 4',
      'category=legs limiter=api outcome=refused reason=limit-reached scope=category source=store: 3',
      'category=legs limiter=default outcome=admitted reason=admitted source=store: 3',
    ]);
    // The 8th, 9th and 10th of 10 leave the quota at 80 % or more.
    expect(await collector.lines('tollgate.near_limit_decisions')).toEqual([
      'category=events limiter=api: 3',
      'category=legs limiter=api: 3',
    ]);
    expect(await collector.lines('tollgate.suspended')).toEqual(['limiter=api: 1']);
  });

  it('that are refused have the scope of the limit that refused, and the kind of a subject', async () => {
    const collector = observed();
    const policy = {
      quotas: [perMinute(5)],
      total: [perMinute(8)],
      each: { leg: { quotas: [perMinute(1)], blocked: ['L9'] } },
      accounts: { out: 'blocked' },
      addresses: { quotas: [perMinute(5)], '203.0.113.0/24': 'blocked' },
    } as const;
    const limiter = new RateLimiter({ name: 'api', policy });
    send(limiter, 6);
    send(limiter, 4, 'events');
    send(limiter, 2, 'legs', 'out');
    limiter.consume({ address: '203.0.113.7', category: 'legs' });
    for (const leg of ['L1', 'L1', 'L1', 'L9']) {
      limiter.consume({ account: 'acme', category: 'legs', subjects: { leg } });
    }
    expect(await collector.lines('tollgate.decisions')).toEqual([
      'category=events limiter=api outcome=admitted reason=admitted source=store: 3',
      'category=events limiter=api outcome=refused reason=limit-reached scope=total source=store: 1',
      'category=legs limiter=api outcome=admitted reason=admitted source=store: 6',
      'category=legs limiter=api outcome=refused reason=blocked scope=subject source=none subject=leg: 1',
      'category=legs limiter=api outcome=refused reason=blocked source=none: 3',
      'category=legs limiter=api outcome=refused reason=limit-reached scope=category source=store: 1',
      'category=legs limiter=api outcome=refused reason=limit-reached scope=subject source=store subject=leg: 2',
    ]);
  });

  it('on several charges count once, in the category of the first', async () => {
    const collector = observed();
    const policy = {
      quotas: [perMinute(2)],
      addresses: { quotas: [perMinute(9)] },
      service: [perMinute(5)],
    };
    const limiter = new RateLimiter({ name: 'api', policy });
    const signIn = (account: string) =>
      limiter.consumeAll([
        { address: '203.0.113.7', category: 'login' },
        { account, category: 'accounts' },
      ]);
    for (const account of ['a', 'a', 'a', 'b', 'b', 'c', 'd']) signIn(account);
    expect(await collector.lines('tollgate.decisions')).toEqual([
      'category=login limiter=api outcome=admitted reason=admitted source=store: 5',
      'category=login limiter=api outcome=refused reason=limit-reached scope=category source=store: 1',
      'category=login limiter=api outcome=refused reason=limit-reached scope=service source=store: 1',
    ]);
  });

  it('count as near the limit when the fullest quota reaches the `nearLimit` share', async () => {
    const collector = observed({ nearLimit: 0.5 });
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(100), perSecond(4)] } });
    send(limiter, 4);
    expect(await collector.lines('tollgate.near_limit_decisions')).toEqual(['category=legs limiter=default: 3']);
  });

  it('are no longer counted after the observation stops', async () => {
    const collector = observed();
    const limiter = new RateLimiter({ policy: { quotas: [perMinute(100)] } });
    send(limiter, 2);
    const before = await collector.lines('tollgate.decisions');
    expect(before[0]).toMatch(/: 2$/);
    collector.unobserve();
    send(limiter, 2);
    expect(await collector.lines('tollgate.decisions')).toEqual(before);
  });

  it('of an older limiter are counted from the start of the observation, and its gauges appear', async () => {
    const limiter = new RateLimiter({ name: 'early', policy: { quotas: [perMinute(100)] } });
    send(limiter, 5);
    const collector = observed();
    send(limiter, 2);
    expect((await collector.lines('tollgate.decisions'))[0]).toMatch(/limiter=early .*: 2$/);
    expect(await collector.lines('tollgate.memory.counters')).toEqual(['limiter=early: 1']);
  });
});

describe('labels', () => {
  const policy = { quotas: [perMinute(1_000_000)] };

  it('contain no accounts by default', async () => {
    const collector = observed();
    const limiter = new RateLimiter({ policy });
    for (let account = 0; account < 100; account++) send(limiter, 1, 'legs', `secret${account}`);
    const all = await collector.collect();
    expect(all.get('tollgate.decisions')?.points).toHaveLength(1);
    expect(JSON.stringify([...all])).not.toContain('secret');
  });

  it('contain the accounts of a list, and all others as `_OTHER`', async () => {
    const collector = observed({ accountLabel: ['ameyo5m', '__proto__', ''] });
    const limiter = new RateLimiter({ policy });
    send(limiter, 2);
    send(limiter, 3, 'legs', '__proto__');
    send(limiter, 1, 'legs', '');
    for (let account = 0; account < 1000; account++) send(limiter, 1, 'legs', `a${account}`);
    limiter.consume({ address: '203.0.113.7', category: 'legs' });
    const accounts = (await collector.collect()).get('tollgate.decisions')?.points;
    expect(accounts?.map(({ attributes, value }) => [attributes['account'], value])).toEqual([
      ['ameyo5m', 2],
      ['__proto__', 3],
      ['', 1],
      ['_OTHER', 1000],
      [undefined, 1],
    ]);
  });

  it('contain the first accounts up to a number, and those keep their series', async () => {
    const collector = observed({ accountLabel: 2 });
    const limiter = new RateLimiter({ policy });
    for (const account of ['a', 'b', 'c', 'c', 'c', 'a', 'd'.repeat(10_000)]) send(limiter, 1, 'legs', account);
    const points = (await collector.collect()).get('tollgate.decisions')?.points;
    expect(points?.map(({ attributes, value }) => [attributes['account'], value])).toEqual([
      ['a', 2],
      ['b', 1],
      ['_OTHER', 4],
    ]);
  });

  it('contain a bounded number of categories, however many clients invent, and miss no decision', async () => {
    const collector = observed();
    const limiter = new RateLimiter({ policy });
    send(limiter, 3);
    for (let made = 0; made < 5000; made++) send(limiter, 1, `}{"\n\0${made}`);
    send(limiter, 2, 'x'.repeat(100_000));
    send(limiter, 1);
    const points = (await collector.collect()).get('tollgate.decisions')?.points ?? [];
    expect(points).toHaveLength(65);
    expect(points[0]).toMatchObject({ attributes: { category: 'legs' }, value: 4 });
    expect(points.at(-1)).toMatchObject({ attributes: { category: '_OTHER' }, value: 5000 - 63 + 2 });
    expect(points.reduce((sum, { value }) => sum + Number(value), 0)).toBe(5006);
  });

  it('contain no id of a subject, and a bounded number of kinds', async () => {
    const collector = observed();
    for (let made = 0; made < 100; made++) {
      const kind = `kind${made}`;
      const limiter = new RateLimiter({ policy: { quotas: [perMinute(9)], each: { [kind]: [perMinute(1)] } } });
      for (let sent = 0; sent < 2; sent++) {
        limiter.consume({ account: 'ameyo5m', category: 'legs', subjects: { [kind]: `secret${made}` } });
      }
    }
    const all = await collector.collect();
    const refusals = all.get('tollgate.decisions')!.points.filter(({ attributes }) => 'subject' in attributes);
    expect(refusals).toHaveLength(65);
    expect(refusals.at(-1)).toMatchObject({ attributes: { scope: 'subject', subject: '_OTHER' }, value: 36 });
    expect(JSON.stringify([...all])).not.toContain('secret');
  });

  it('contain the categories of a list, and no invented one takes their place', async () => {
    const collector = observed({ categoryLabel: ['legs', 'events'] });
    const limiter = new RateLimiter({ policy });
    for (const category of ['made-up', 'legs', 'events', 'other']) send(limiter, 1, category);
    const points = (await collector.collect()).get('tollgate.decisions')?.points ?? [];
    expect(points.map(({ attributes, value }) => [attributes['category'], value])).toEqual([
      ['_OTHER', 2],
      ['legs', 1],
      ['events', 1],
    ]);
  });
});

describe('options', () => {
  it.each([
    [{ nope: 1 }, 'TOLLGATE_OPTION_UNKNOWN'],
    [{ meterProvider: {} }, 'TOLLGATE_OPTION_TYPE'],
    [{ accountLabel: true }, 'TOLLGATE_OPTION_TYPE'],
    [{ accountLabel: [5] }, 'TOLLGATE_OPTION_TYPE'],
    [{ accountLabel: 1001 }, 'TOLLGATE_OPTION_RANGE'],
    [{ accountLabel: Array<string>(1001).fill('a') }, 'TOLLGATE_OPTION_RANGE'],
    [{ categoryLabel: -1 }, 'TOLLGATE_OPTION_RANGE'],
    [{ nearLimit: 0 }, 'TOLLGATE_OPTION_RANGE'],
    [{ nearLimit: Number.NaN }, 'TOLLGATE_OPTION_RANGE'],
    [{ nearLimit: '0.8' }, 'TOLLGATE_OPTION_TYPE'],
    [{ spans: 1 }, 'TOLLGATE_OPTION_TYPE'],
  ])('%# throws: %s', (options, code) => {
    expect(() => observeRateLimits(options as never)).toThrow(expect.objectContaining({ code }));
  });
});
