import { readFileSync } from 'node:fs';
import {
  defineAccountLayer,
  definePolicy,
  type Layer,
  type PolicyOptions,
  Quota,
  type QuotaOptions,
} from '@tollgate/core';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changed, jsonLayer, jsonPolicy, plain, RANGES } from './json-policies.js';

const text = readFileSync(new URL('../../../packages/core/policy.schema.json', import.meta.url), 'utf8');
const schema = JSON.parse(text);
const ajv = new Ajv({ strict: true, allErrors: true });
ajv.addSchema(schema);
const saysPolicy = ajv.getSchema('urn:tollgate:policy')!;
const saysLayer = ajv.getSchema('urn:tollgate:policy#/definitions/layer')!;

function accepts(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    expect(error).toHaveProperty('code', expect.stringMatching(/^TOLLGATE_OPTION_/));
    return false;
  }
}
const takesPolicy = (policy: unknown) => accepts(() => definePolicy(policy as PolicyOptions));
const takesLayer = (layer: unknown) => accepts(() => defineAccountLayer(layer as Layer));

/** The rules that a schema cannot express, each with a check whether a part of a document breaks it. */
const BEYOND_SCHEMA: Record<string, (part: unknown) => boolean> = {
  'two quotas of a list with one windowMs': (part) => isQuotas(part) && hasTwice(part.map(({ windowMs }) => windowMs)),
  'two quotas of a list with one name': (part) =>
    isQuotas(part) && hasTwice(part.map((quota) => new Quota(quota).name)),
  'escalate.maxMs below forMs': (part) => {
    const { forMs, escalate } = part as { forMs?: number; escalate?: { maxMs: number } };
    return forMs !== undefined && escalate !== undefined && escalate.maxMs < forMs;
  },
  'a category that the policy does not have': (part) => {
    // Only a policy has one of these.
    const { known, onStoreFailure } = part as PolicyOptions;
    if (!isPolicy(part)) return false;
    const own = namesIn(part as Layer);
    const shared = ['plans', 'regions', 'environments'].flatMap((kind) => categoriesIn(part, kind));
    const names = new Set([...own, ...(known?.categories ?? shared)]);
    const checked = [...shared, ...categoriesIn(part, 'accounts'), ...categoriesIn(part, 'addresses')];
    checked.push(...namesIn((part as { addresses?: Layer }).addresses ?? {}));
    if (typeof onStoreFailure === 'object') checked.push(...Object.keys(onStoreFailure.categories ?? {}));
    // Without a list, the categories of the Legs API are none: the policy leaves them at its base.
    const isOfApi = (name: string) => name === 'other' || (!known?.categories && LEGS_API.includes(name));
    return names.size > 0 && checked.some((name) => !names.has(name) && !isOfApi(name));
  },
  'a kind of subject that is misspelt': (part) => {
    if (!isPolicy(part)) return false;
    const { known, addresses = {} } = part as { known?: { subjects?: string[] }; addresses?: Layer };
    const shared = new Set([...kindsOf(part), ...(known?.subjects ?? [])]);
    for (const layers of ['plans', 'regions', 'environments'])
      for (const kind of kindsIn(part, layers)) shared.add(kind);
    const ofParties = [...kindsIn(part, 'accounts'), ...kindsIn(part, 'addresses'), ...kindsOf(addresses)];
    const isNear = (kind: string, other: string) => !shared.has(kind) && ofParties.includes(kind) && shared.has(other);
    return isNear('leg', 'lge') || isNear('lge', 'leg');
  },
  'more than 8 kinds of subjects': (part) => {
    const { each, known } = part as { each?: object; known?: { subjects?: string[] } };
    return Object.keys(each ?? {}).length > 8 || new Set(known?.subjects).size > 8;
  },
  'a wrong range of addresses': (part) => {
    const { addresses } = part as { addresses?: object };
    return Object.keys(addresses ?? {}).some((key) => /[.:]/.test(key) && !RANGES.includes(key));
  },
  'a day that the month does not have': (part) => (part as { until?: unknown }).until === '2026-02-30T00:00:00Z',
};

/** Only a policy has one of these. */
function isPolicy(part: unknown): boolean {
  return ['accounts', 'addresses', 'known', 'onStoreFailure'].some((option) => Object.hasOwn(part as object, option));
}
const kindsOf = (layer: unknown): string[] =>
  typeof layer === 'object' && layer !== null ? Object.keys((layer as Layer).each ?? {}) : [];
const kindsIn = (policy: unknown, kind: string): string[] =>
  Object.values((policy as Record<string, Record<string, Layer>>)[kind] ?? {}).flatMap(kindsOf);

const LEGS_API = ['legs', 'bridges', 'actions', 'events'];
const namesIn = (layer: Layer | undefined): string[] => Object.keys(layer?.categories ?? {});
const categoriesIn = (policy: unknown, kind: string): string[] =>
  Object.values((policy as Record<string, Record<string, Layer>>)[kind] ?? {}).flatMap(namesIn);

function breaksBeyondSchema(document: unknown): boolean {
  return partsOf(document).some((part) => Object.values(BEYOND_SCHEMA).some((breaks) => breaks(part)));
}

/** All arrays and objects of a document. */
function partsOf(document: unknown): object[] {
  if (typeof document !== 'object' || document === null) return [];
  return [document, ...Object.values(document).flatMap(partsOf)];
}

function isQuotas(part: unknown): part is QuotaOptions[] {
  return Array.isArray(part) && part.every((item) => typeof item === 'object');
}

function hasTwice(values: readonly unknown[]): boolean {
  return new Set(values).size < values.length;
}

type Part = Readonly<Record<string, unknown>>;

/** The schema of each option's value, with its place. */
function* optionsOf(part: unknown, place = '#'): Generator<[string, Part]> {
  if (typeof part !== 'object' || part === null) return;
  if (/\/properties\/[^/]+$|\/additionalProperties$/.test(place)) yield [place, part as Part];
  for (const [key, value] of Object.entries(part)) {
    const isValue = ['examples', 'default', 'const'].includes(key) && !place.endsWith('/properties');
    if (!isValue) yield* optionsOf(value, `${place}/${key}`);
  }
}

/** The descriptions of a schema and of those that it refers to. An editor shows the one of the reference. */
function descriptionsOf(part: Part): string[] {
  const own = part['description'] as string | undefined;
  return [...(own === undefined ? [] : [own]), ...('$ref' in part ? descriptionsOf(referredBy(part)) : [])];
}

function referredBy({ $ref }: Part): Part {
  return $ref === undefined ? {} : schema.definitions[/^#\/definitions\/(\w+)$/.exec($ref as string)![1]!];
}

describe('the schema of a policy', () => {
  it('is a valid schema, and contains no host except that of its dialect', () => {
    expect(ajv.validateSchema(schema)).toBe(true);
    expect(text.match(/[a-z]+:\/\/[^"\s]+/g)).toEqual(['http://json-schema.org/draft-07/schema#']);
    expect(schema.$id).toBe('urn:tollgate:policy');
  });

  it('accepts what definePolicy accepts, except for the rules that a schema cannot express', () => {
    const tally = { both: 0, neither: 0, code: 0 };
    fc.assert(
      fc.property(fc.oneof(jsonPolicy.map(plain), changed(jsonPolicy)), (policy) => {
        fc.pre(typeof policy !== 'object' || policy === null || !Object.hasOwn(policy, '$schema'));
        const valid = saysPolicy(policy);
        const taken = takesPolicy(policy);
        expect({ policy, taken }).toEqual({ policy, taken: valid && !breaksBeyondSchema(policy) });
        tally[valid ? (taken ? 'both' : 'code') : 'neither']++;
      }),
      { numRuns: 1200 },
    );

    for (const count of Object.values(tally)) expect(count).toBeGreaterThan(50);
  });

  it('accepts as a layer what defineAccountLayer accepts', () => {
    fc.assert(
      fc.property(fc.oneof(jsonLayer.map(plain), changed(jsonLayer)), (layer) => {
        expect({ layer, taken: takesLayer(layer) }).toEqual({
          layer,
          taken: saysLayer(layer) && !breaksBeyondSchema(layer),
        });
      }),
      { numRuns: 500 },
    );
    expect(saysLayer({})).toBe(true);
    expect(saysPolicy({})).toBe(false);
    expect(saysLayer({ plans: {} })).toBe(false);
  });

  const quota = { limit: 1, windowMs: 60_000 };
  const throttle = { afterViolations: 1, withinMs: 100, forMs: 200, factor: 0.5 };
  it.each<[string, object]>([
    ['two quotas of a list with one windowMs', { quotas: [quota, { ...quota, name: 'other' }] }],
    ['two quotas of a list with one name', { quotas: [quota, { limit: 1, windowMs: 1000, name: 'per-minute' }] }],
    [
      'a category that the policy does not have',
      { quotas: [quota], categories: { legs: [quota] }, accounts: { acme: { categories: { leg: [quota] } } } },
    ],
    [
      'a kind of subject that is misspelt',
      { quotas: [quota], plans: { gold: { each: { leg: [quota] } } }, accounts: { acme: { each: { lge: [quota] } } } },
    ],
    [
      'more than 8 kinds of subjects',
      { quotas: [quota], each: Object.fromEntries([...'abcdefghi'].map((kind) => [kind, [quota]])) },
    ],
    ['a wrong range of addresses', { quotas: [quota], addresses: { '203.0.113.7/24': 'blocked' } }],
    [
      'a day that the month does not have',
      { quotas: [quota], accounts: { acme: { blocked: { until: '2026-02-30T00:00:00Z' } } } },
    ],
    ['escalate.maxMs below forMs', { quotas: [quota], throttle: { ...throttle, escalate: { factor: 2, maxMs: 199 } } }],
  ])('cannot express: %s', (rule, policy) => {
    expect(saysPolicy(policy)).toBe(true);
    expect(takesPolicy(policy)).toBe(false);
    const broken = partsOf(policy).flatMap((part) =>
      Object.keys(BEYOND_SCHEMA).filter((name) => BEYOND_SCHEMA[name]!(part)),
    );
    expect(broken).toEqual([rule]);
  });

  it('accepts a $schema in a policy, for editors only', () => {
    expect(saysPolicy({ $schema: './node_modules/@tollgate/core/policy.schema.json', quotas: 'unlimited' })).toBe(true);
    expect(takesPolicy({ $schema: './x.json', quotas: 'unlimited' })).toBe(false);
    expect(saysLayer({ $schema: './x.json' })).toBe(false);
  });

  it('has exactly the options of the code', () => {
    const known = (check: () => unknown) => {
      try {
        check();
      } catch (error) {
        return /expected one of (.*)$/
          .exec((error as Error).message)![1]!
          .split(', ')
          .sort();
      }
      throw new Error('nothing was thrown');
    };
    const nope = { nope: 1 } as never;
    const keys = (of: { properties: object }) => Object.keys(of.properties).sort();
    const { layer, namedLayer, category, subject, until, quota: ofQuota, throttle: ofThrottle } = schema.definitions;
    const policyWith = (options: object) => definePolicy({ quotas: [quota], ...options } as PolicyOptions);
    expect(keys(schema)).toEqual(['$schema', ...known(() => definePolicy(nope))].sort());
    expect(keys(layer)).toEqual(known(() => defineAccountLayer(nope)));
    expect(keys(namedLayer)).toEqual(known(() => policyWith({ plans: { gold: nope } })));
    const { addresses, service } = schema.properties;
    expect(keys(addresses)).toEqual(
      known(() => policyWith({ addresses: nope })).filter((option) => option !== 'an address or range'),
    );
    expect(keys(service.then)).toEqual(known(() => policyWith({ service: nope })));
    expect(keys(subject)).toEqual(known(() => defineAccountLayer({ each: { leg: nope } })));
    expect(keys(until)).toEqual(known(() => defineAccountLayer({ blocked: nope })));
    expect(keys(category)).toEqual(known(() => defineAccountLayer({ categories: { legs: nope } })));
    expect(keys(ofQuota)).toEqual(known(() => new Quota(nope)));
    expect(keys(ofThrottle)).toEqual(known(() => defineAccountLayer({ throttle: nope })));
    const escalate = { ...throttle, escalate: nope };
    expect(keys(ofThrottle.properties.escalate)).toEqual(known(() => defineAccountLayer({ throttle: escalate })));
    const onStoreFailure = schema.properties.onStoreFailure.else;
    expect(keys(onStoreFailure)).toEqual(known(() => definePolicy({ quotas: [quota], onStoreFailure: nope })));
  });

  it('describes every option, with valid examples and the true ranges and defaults', () => {
    let described = 0;
    for (const [place, part] of optionsOf(schema)) {
      const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = part;
      const descriptions = descriptionsOf(part);
      expect(descriptions, place).toHaveLength(1);
      const description = descriptions[0]!;
      const range =
        /(?:integer|number) (?:from (?<from>\d+)|above (?<above>\d+))(?:, which blocks,)? (?:to below (?<below>\d+)|(?:to|and at most) (?<to>\d+))/.exec(
          description,
        )?.groups;
      if ([minimum, maximum, exclusiveMinimum, exclusiveMaximum].some((bound) => bound !== undefined)) {
        const documented = Object.fromEntries(
          Object.entries(range ?? {}).map(([key, value]) => [key, value && Number(value)]),
        );
        expect(documented, place).toEqual({
          from: minimum,
          to: maximum,
          above: exclusiveMinimum,
          below: exclusiveMaximum,
        });
        described++;
      }
      for (const schema of [part, referredBy(part)]) {
        if ('default' in schema) expect(description, place).toContain(`Default: ${JSON.stringify(schema['default'])}.`);
        const validate = ajv.getSchema(`urn:tollgate:policy${place}`);
        for (const example of (schema['examples'] ?? []) as unknown[]) {
          expect(validate!(example), `${place} ${JSON.stringify(example)}`).toBe(true);
        }
      }
    }
    expect(described).toBe(10);
    expect(new Quota(quota).slices).toBe(schema.definitions.quota.properties.slices.default);
    const resolved = definePolicy({ quotas: [quota] }).explain({ category: 'legs' });
    expect(resolved.mode.value).toBe(schema.definitions.mode.default);
    expect(resolved.onStoreFailure).toBe(schema.properties.onStoreFailure.default);
    expect(resolved.service.quotas.value).toEqual([]);
    expect(schema.properties.service.default).toBe('unlimited');
    expect(resolved.throttle.value ?? false).toBe(schema.definitions.throttleOrNone.default);
    const whole = { quotas: [quota], localShare: schema.properties.localShare.default };
    expect(definePolicy(whole).resolve({ category: 'legs' })).toEqual(
      definePolicy({ quotas: [quota] }).resolve({ category: 'legs' }),
    );
  });
});
