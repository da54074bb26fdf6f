import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { MemoryStore, perMinute, RateLimiter } from '@tollgate/core';
import { METRICS, observeRateLimits } from '@tollgate/opentelemetry';
import { RedisStore } from '@tollgate/redis';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Sample, scrape } from '../opentelemetry/exposition.js';
import { unanswered } from '../opentelemetry/promql.js';
import { freePort, RunningServer } from '../redis-servers/standalone.js';
import { ROOT, readPage } from './fences.js';
import { section, tableOf } from './section.js';

const page = readPage('docs/observability.md');
const code = (cell: string) => /^`(.*)`$/.exec(cell)![1]!;
const metrics = tableOf(section(page, '### Every metric'));

/** A scrape after everything has happened once: throttlings, outages, evictions, candidates, on Redis and in memory. */
let samples: readonly Sample[];
let types: ReadonlyMap<string, string>;
beforeAll(async () => {
  const port = await freePort();
  const exporter = new PrometheusExporter({ host: '127.0.0.1', port });
  const meterProvider = new MeterProvider({ readers: [exporter] });
  const observation = observeRateLimits({ meterProvider, accountLabel: ['ameyo5m'] });
  const charge = { account: 'ameyo5m', category: 'legs' };
  const quotas = [perMinute(2)];

  const throttle = { afterViolations: 1, withinMs: 60_000, forMs: 60_000, factor: 0.5 };
  const inMemory = new RateLimiter({
    store: new MemoryStore({ maxCounters: 8 }),
    policy: {
      quotas,
      throttle,
      categories: { events: { quotas, mode: 'observe' }, free: 'unlimited' },
      accounts: { out: 'blocked' },
    },
    candidate: { quotas: [perMinute(1)] },
  });
  for (const category of ['legs', 'events', 'free', 'a', 'b', 'c']) {
    for (let sent = 0; sent < 4; sent++) void inMemory.consume({ account: 'ameyo5m', category });
  }
  // In a store with room: evictions are chosen at random.
  const onLegs = new RateLimiter({ policy: { quotas, throttle, each: { leg: [perMinute(1)] } } });
  const onLeg = { account: 'acme', category: 'legs', subjects: { leg: 'L1' } };
  for (let sent = 0; sent < 2; sent++) void onLegs.consume(onLeg);
  void inMemory.consume({ account: 'out', category: 'legs' });
  void inMemory.debit(charge);

  const redis = await RunningServer.start();
  const full = await RunningServer.start({ args: ['--maxmemory', '1', '--maxmemory-policy', 'noeviction'] });
  const stores = [new RedisStore({ url: redis.url }), new RedisStore({ url: full.url })] as const;
  const limiters = stores.map((store) => new RateLimiter({ store, policy: { quotas } }));
  for (const limiter of limiters) {
    await Promise.all([1, 2, 3].map(() => limiter.consume(charge)));
    for (let sent = 0; sent < 5; sent++) await limiter.consume(charge);
  }
  const url = `http://127.0.0.1:${port}/metrics`;
  samples = await scrape(url);
  const text = await (await fetch(url)).text();
  types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]));

  observation.stop();
  for (const limiter of [inMemory, onLegs, ...limiters]) await limiter.close();
  for (const store of stores) await store.close();
  for (const server of [redis, full]) await server.stop();
  await meterProvider.shutdown();
});

/** The name in Prometheus. */
const shown = (name: string) => name.replaceAll('.', '_');

describe('the metrics in docs/observability.md', () => {
  it('are those of the code, with their units', () => {
    const documented = metrics.map(({ metric, unit }) => [code(metric!), code(unit!)]);
    expect(documented).toEqual(Object.values(METRICS).map(({ name, unit }) => [name, unit]));
  });

  it('are those of a scrape, all of them and no others, of the documented kinds', () => {
    const kinds = new Map([
      ['counter', 'counter'],
      ['up-down counter', 'gauge'],
      ['gauge', 'gauge'],
      ['histogram', 'histogram'],
    ]);
    const documented = metrics.map(({ metric, kind }) => {
      const name = shown(code(metric!));
      return [kind === 'counter' ? `${name}_total` : name, kinds.get(kind!)];
    });
    const found = [...types].filter(([name]) => name.startsWith('tollgate_'));
    expect(documented.sort()).toEqual(found.sort());
  });

  it.each(metrics.map(({ metric, attributes }) => [code(metric!), attributes!]))(
    '%s has just its attributes',
    (name, attributes) => {
      const own = new RegExp(`^${shown(name)}(_total|_bucket|_sum|_count)?$`);
      const labels = new Set(
        samples.filter((sample) => own.test(sample.name)).flatMap(({ labels }) => Object.keys(labels)),
      );
      for (const of of ['otel_scope_name', 'le']) labels.delete(of);
      const documented = attributes
        .split(', ')
        .filter((attribute) => attribute !== '')
        .map((attribute) => shown(attribute === 'error.type' ? attribute : `tollgate.${attribute}`));
      expect(documented.sort()).toEqual([...labels].sort());
    },
  );
});

describe('the dashboard', () => {
  const dashboard = JSON.parse(readFileSync(join(ROOT, 'docs/observability/grafana-dashboard.json'), 'utf8'));
  const panels: {
    title: string;
    type: string;
    id: number;
    gridPos: Record<'x' | 'y' | 'w' | 'h', number>;
    targets?: { expr: string }[];
  }[] = dashboard.panels;
  const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const));

  it.each(queries)('asks in %s for metrics and labels that exist', (_, query) => {
    expect(unanswered(query, samples)).toEqual([]);
  });

  it('shows every metric somewhere', () => {
    const asked = queries.map(([, query]) => query).join('\n');
    for (const { name } of Object.values(METRICS)) expect(asked).toContain(shown(name));
  });

  it('offers limiters and instances by a label that exists', () => {
    for (const { type, query } of dashboard.templating.list) {
      if (type !== 'query') continue;
      const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(query.query)!;
      expect(unanswered(`sum by (${label}) (${metric})`, samples)).toEqual([]);
    }
  });

  it('has panels of their own ids that do not lie on each other', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const places = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`),
    );
    expect(new Set(places).size).toBe(places.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });
});

describe('the alerts', () => {
  const rules: { alert: string; expr: string; labels: { severity: string }; annotations: { summary: string } }[] =
    parse(readFileSync(join(ROOT, 'docs/observability/alerts.yaml'), 'utf8')).groups.flatMap(
      ({ rules }: { rules: unknown[] }) => rules,
    );

  it.each(rules.map(({ alert, expr }) => [alert, expr]))('%s asks for metrics and labels that exist', (_, query) => {
    expect(unanswered(query, samples)).toEqual([]);
  });

  it('use in their summaries only labels that their queries keep', () => {
    for (const { expr, annotations } of rules) {
      for (const [, label] of annotations.summary.matchAll(/\$labels\.(\w+)/g)) expect(expr).toContain(label);
    }
  });

  it('are all explained, with how urgent they are', () => {
    const documented = tableOf(section(page, '## Dashboard and alerts'));
    expect(documented.map(({ alert, severity }) => [code(alert!), severity])).toEqual(
      rules.map(({ alert, labels }) => [alert, labels.severity]),
    );
  });
});

describe('a query', () => {
  it.each([
    ['rate(tollgate_decision_total[5m])', 'no metric'],
    ['sum by (tollgate_plan) (tollgate_decisions_total)', 'no label tollgate_plan'],
    ['tollgate_decisions_total{tollgate_outcome="denied"}', 'is never denied'],
    ['tollgate_decisions_total{tollgate_plan!="x"}', 'no label tollgate_plan'],
  ])('%s is found to be wrong', (query, wrong) => {
    expect(unanswered(query, samples).join()).toContain(wrong);
  });

  it('that cannot be parsed is found too', () => {
    expect(() => unanswered('sum by (tollgate_decisions_total', samples)).toThrow(/No query/);
  });
});

describe('the channels in docs/observability.md', () => {
  it('are all channels of the code, with the types of their messages', () => {
    const documented = tableOf(section(page, '## Channels')).map(({ channel, type }) => [code(channel!), code(type!)]);
    const core = readFileSync(join(ROOT, 'packages/core/src/observe/channels.ts'), 'utf8');
    const pairs = [...core.matchAll(/^ {2}readonly '(tollgate:[\w-]+)': (\w+);$/gm)].map(([, name, type]) => [
      name,
      type,
    ]);
    expect(pairs.length).toBeGreaterThan(0);
    expect(documented).toEqual([...pairs, ['tollgate:redis-call', 'RedisCallMessage']]);
    expect(readFileSync(join(ROOT, 'packages/redis/src/store/channels.ts'), 'utf8')).toContain(
      "channel('tollgate:redis-call')",
    );
  });
});

describe('the options in docs/observability.md', () => {
  it('are those of observeRateLimits, all of them and no others', () => {
    const documented = tableOf(section(page, '## Metrics')).map(({ option }) => code(option!));
    expect(() => observeRateLimits({ nope: 1 } as never)).toThrow(`expected one of ${documented.join(', ')}`);
  });
});
