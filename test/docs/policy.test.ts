import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  defineAccountLayer,
  definePolicy,
  type Layer,
  type PolicyOptions,
  Quota,
  type QuotaOptions,
  Throttle,
} from '@tollgate/core';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { pages, ROOT, readPage } from './fences.js';
import { section, tableOf } from './section.js';

const page = readPage('docs/policy.md');
const FILES_PAGE = 'docs/policy-files.md';
const schema = JSON.parse(readFileSync(join(ROOT, 'packages/core/policy.schema.json'), 'utf8'));
const isPolicy = new Ajv({ strict: true }).compile(schema);

/** The policies that pages show in the form of a file: fences marked `json policy` or `yaml policy`. */
const files = pages().flatMap((name) => {
  const text = readPage(name);
  return [...text.matchAll(/^```(json|yaml) policy\n(.*?)^```$/gms)].map(({ 1: format, 2: source, index }) => ({
    place: `${name}:${text.slice(0, index).split('\n').length}`,
    format: format!,
    source: source!,
    policy: policyOf(format === 'json' ? JSON.parse(source!) : parse(source!)),
  }));
});

/** The policy of a file, apart from the `$schema` for editors. */
function policyOf({ $schema, ...policy }: { readonly $schema?: string } & PolicyOptions) {
  return { $schema, policy };
}

describe('the policy files in the documentation', () => {
  it('are found, in both forms', () => {
    expect(new Set(files.map(({ format }) => format))).toEqual(new Set(['json', 'yaml']));
  });

  it.each(files)('$place is a policy, by the schema and by definePolicy', ({ policy: { policy }, source }) => {
    isPolicy(policy);
    expect(isPolicy.errors).toBe(null);
    definePolicy(policy);
    expect(source).toMatch(/\$schema"?[:=] ?"?\.\/node_modules\/@tollgate\/core\/policy\.schema\.json/);
  });

  it('of docs/policy-files.md are the policy of the first program in docs/policy.md', async () => {
    const [json, yaml] = files.filter(({ place }) => place.startsWith(FILES_PAGE));
    expect(yaml!.policy.policy).toEqual(json!.policy.policy);
    const program = /definePolicy\((\{.*?^\})\);/ms.exec(section(page, '## From a contract to a policy'))![1]!;
    const { perMinute, perSecond } = await import('@tollgate/core');
    const written = new Function('perMinute', 'perSecond', `return ${program}`)(
      (limit: number) => ({ limit, windowMs: perMinute(limit).windowMs }),
      (limit: number) => ({ limit, windowMs: perSecond(limit).windowMs }),
    );
    expect(json!.policy.policy).toEqual(written);
  });
});

describe('the precedence in docs/policy.md', () => {
  const policy = definePolicy(files.find(({ place }) => place.startsWith(FILES_PAGE))!.policy.policy);
  const rows = tableOf(section(page, '## Most specific wins'));

  it.each(rows)('$account $environment $plan $region $category', (row) => {
    const name = (cell: string) => row[cell]!.replaceAll('`', '') || undefined;
    const explained = policy.explain({
      category: name('category')!,
      account: name('account'),
      plan: name('plan'),
      region: name('region'),
      environment: name('environment'),
    });
    const limits = (quotas: readonly Quota[]) => quotas.map(({ limit }) => limit).join(', ');
    expect({
      limits: limits(explained.quotas.value),
      from: `\`${explained.quotas.from!.replace('policy.', '')}\``,
      total: limits(explained.total.value),
      counters: explained.counters.map((counter) => `\`${counter}\``).join(', '),
    }).toEqual({
      limits: row['limits of the category'],
      from: row['set by'],
      total: row['total'],
      counters: row['counters'],
    });
  });
});

it('the escalation in docs/policy.md lasts as long as documented', () => {
  const [, ...documented] =
    /With `forMs` (\d+) minutes, `factor` (\d+) and `maxMs` (\d+) minutes: ([\d, ]+) minutes/.exec(
      section(page, '## Throttling').replaceAll(/\s+/g, ' '),
    )!;
  const [forMs, factor, maxMs] = [
    Number(documented[0]) * 60_000,
    Number(documented[1]),
    Number(documented[2]) * 60_000,
  ];
  const throttle = new Throttle({
    afterViolations: 1,
    withinMs: 100,
    forMs: forMs!,
    factor: 0,
    escalate: { factor, maxMs },
  });
  const lasted: number[] = [];
  for (let [now, lastMs] = [1e9, 0]; lasted.length < 4; now += lastMs) {
    lastMs = throttle.durationMs(now, lasted.length === 0 ? 0 : now, lastMs);
    lasted.push(lastMs / 60_000);
  }
  expect(lasted.join(', ')).toBe(documented[3]);
});

const quota = { limit: 1, windowMs: 60_000 };
const throttle = { afterViolations: 1, withinMs: 100, forMs: 100, factor: 0.5 };
const policyWith = (options: object) => definePolicy({ quotas: [quota], ...options } as PolicyOptions);
const layerWith = (layer: object) => defineAccountLayer(layer as Layer);

/** For each table of options, a function that checks some of them. */
const checks: Record<string, (some: object) => unknown> = {
  policy: policyWith,
  layer: layerWith,
  'a kind of subject': (some) => layerWith({ each: { leg: some } }),
  'a category': (some) => layerWith({ categories: { legs: some } }),
  'a quota': (some) => new Quota({ ...quota, ...some } as QuotaOptions),
  'a throttle': (some) => layerWith({ throttle: { ...throttle, ...some } }),
  escalate: (some) => layerWith({ throttle: { ...throttle, escalate: { factor: 2, maxMs: 100, ...some } } }),
  onStoreFailure: (some) => policyWith({ onStoreFailure: some }),
  known: (some) => policyWith({ known: some }),
};

describe('the options in docs/policy.md', () => {
  const tables = Object.entries(checks).map(([kind, check]) => {
    const heading = `### Of ${/^(policy|layer)$/.test(kind) ? `a ${kind}` : kind}`;
    return { kind, check, rows: tableOf(section(page, heading)) };
  });

  it.each(tables)('of $kind are exactly those that the code accepts', ({ check, rows }) => {
    const accepted = /expected one of (.*)$/.exec(thrownBy(() => check({ nope: 1 })).message)![1]!.split(', ');
    expect(rows.map(({ name }) => name!.replaceAll('`', '')).sort()).toEqual(accepted.sort());
  });

  const ranges = tables.flatMap(({ kind, check, rows }) =>
    rows.flatMap(({ name, type }) => {
      const range = /^(integer|number) (from|above) ([\d`A-Za-z]+) (?:to (below )?|and at most )(\d+)/.exec(type!);
      if (range === null) return [];
      const option = name!.replaceAll('`', '');
      const [, number, from, least, below, most] = range;
      return [{ kind, option, check, isInteger: number === 'integer', from, least, below, most: Number(most) }];
    }),
  );

  it('have their ranges', () => expect(ranges.map(({ option }) => option)).toHaveLength(10));

  it.each(ranges)('of $kind: $option goes $from $least to $below$most', (range) => {
    const { option, check, isInteger, most } = range;
    const least = range.least === '`forMs`' ? throttle.forMs : Number(range.least);
    const step = isInteger ? 1 : 1e-9;
    const inside = [range.from === 'from' ? least : least + step, range.below === undefined ? most : most - step];
    const outside = [range.from === 'from' ? least - step : least, range.below === undefined ? most + step : most];
    for (const value of inside) check({ [option]: value });
    for (const value of outside) {
      expect(thrownBy(() => check({ [option]: value }))).toHaveProperty('code', 'TOLLGATE_OPTION_RANGE');
    }
    if (isInteger) expect(() => check({ [option]: least + 0.5 })).toThrow();
  });

  it('have the documented defaults', () => {
    const documented = (heading: string, option: string) =>
      tableOf(section(page, heading)).find(({ name }) => name === `\`${option}\``)!['default'];
    const { mode, throttle, total, onStoreFailure } = policyWith({}).explain({ category: 'legs' });
    expect(documented('### Of a policy', 'mode')).toBe(`\`'${mode.value}'\``);
    expect(documented('### Of a policy', 'throttle')).toBe(`\`${throttle.value ?? false}\``);
    expect(documented('### Of a policy', 'total')).toBe(
      `\`${total.value.length === 0 ? "'unlimited'" : total.value}\``,
    );
    expect(documented('### Of a policy', 'onStoreFailure')).toBe(`\`'${onStoreFailure}'\``);
    expect(documented('### Of a quota', 'slices')).toBe(String(new Quota(quota).slices));
    expect(documented('### Of a quota', 'name')).toBe(`such as \`${new Quota(quota).name}\``);
  });
});

function thrownBy(use: () => unknown): Error {
  try {
    use();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
