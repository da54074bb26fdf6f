import fc from 'fast-check';

/** Names of layers and categories, also hostile ones. */
const NAME = fc.oneof(
  fc.constantFrom('legs', 'bridges', 'sandbox', 'enterprise', '__proto__', 'constructor', '}{', '\0', ' '),
  fc.string({ minLength: 1 }),
);
const MODE = fc.constantFrom('enforce', 'observe');
const FAILURE = fc.constantFrom('local', 'allow', 'deny');

const anyQuota = {
  limit: fc.oneof(fc.nat(200), fc.constantFrom(0, 2_147_483_647)),
  windowMs: fc.oneof(fc.constantFrom(100, 1000, 60_000, 2_678_400_000), fc.integer({ min: 100, max: 90_000 })),
  name: fc.oneof(fc.constantFrom('burst', 'per-minute', '~ "\\'), fc.string({ minLength: 1, maxLength: 64 })),
  slices: fc.constantFrom(1, 128, 16_384),
};
const { name: _, ...nameless } = anyQuota;
const requiredKeys: ['limit', 'windowMs'] = ['limit', 'windowMs'];
const quotas = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.uniqueArray(fc.record(nameless, { requiredKeys }), {
      selector: ({ windowMs }) => windowMs,
      minLength: 1,
      maxLength: 8,
    }),
  },
  { weight: 5, arbitrary: fc.tuple(fc.record(anyQuota, { requiredKeys })) },
  { weight: 1, arbitrary: fc.array(fc.record(anyQuota, { requiredKeys }), { minLength: 2, maxLength: 8 }) },
  { weight: 5, arbitrary: fc.constant('unlimited') },
);

const duration = fc.oneof(fc.constantFrom(100, 60_000, 2_678_400_000), fc.integer({ min: 100, max: 90_000 }));
const longest = fc.oneof({ weight: 5, arbitrary: fc.constant(2_678_400_000) }, duration);
const throttle = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record(
      {
        afterViolations: fc.constantFrom(1, 10, 1_000_000),
        withinMs: duration,
        forMs: duration,
        factor: fc.constantFrom(0, 0.5, 0.999),
        escalate: fc.record({ factor: fc.constantFrom(1.5, 100), maxMs: longest }),
      },
      { requiredKeys: ['afterViolations', 'withinMs', 'forMs', 'factor'] },
    ),
  },
  fc.constant(false),
);

const ofCategory = { quotas, throttle, mode: MODE };
/** The last one is no day of the calendar, which a schema cannot check. */
const until = fc.record({
  until: fc.oneof(
    {
      weight: 20,
      arbitrary: fc.constantFrom('2026-12-31T18:00:00+05:30', '2024-02-29T00:00Z', 1_798_720_200_000, 1e11),
    },
    fc.constant('2026-02-30T00:00:00Z'),
  ),
});
const ID = fc.oneof(fc.constantFrom('L1', '__proto__', '\0', '*~leg/L1'), fc.string({ minLength: 1 }));
const blockedIds = fc.oneof(
  fc.array(ID, { maxLength: 3 }),
  fc.dictionary(ID, fc.oneof(fc.constant(true), until), { maxKeys: 3 }),
);
/** The last one is the first misspelt. */
const KIND = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('leg', 'key', '__proto__', '*~', 'sub-account') },
  fc.constant('lge'),
);
const each = fc.dictionary(
  KIND,
  fc.oneof(quotas, fc.record({ ...ofCategory, blocked: blockedIds }, { requiredKeys: [] })),
  { maxKeys: 2 },
);
const ofLayer = {
  ...ofCategory,
  categories: fc.dictionary(NAME, fc.oneof(quotas, fc.record(ofCategory, { requiredKeys: [] })), { maxKeys: 3 }),
  total: quotas,
  each,
};
const ofNamedLayer = { ...ofLayer, replace: fc.boolean() };
const ofPartyLayer = { ...ofNamedLayer, blocked: fc.oneof(fc.boolean(), until) };

/** A layer in JSON. It may break only rules that a schema cannot express. */
export const jsonLayer: fc.Arbitrary<unknown> = fc.record(ofPartyLayer, { requiredKeys: [] });
const partyLayer = fc.oneof({ weight: 2, arbitrary: fc.constantFrom('blocked', 'unlimited') }, jsonLayer);
const names = fc.array(NAME, { minLength: 1, maxLength: 3 });
const layers = fc.dictionary(NAME, fc.record(ofNamedLayer, { requiredKeys: [] }), { maxKeys: 2 });

export const RANGES: readonly string[] = [
  '203.0.113.0/24',
  '203.0.113.7',
  '0.0.0.0/0',
  '2001:db8::/32',
  '2001:DB8:0::1',
  '::/0',
];
/** Keys with a dot or a colon, which a schema takes for ranges. */
const NO_RANGES = [
  '203.0.113.7/24',
  '203.0.113.0/33',
  '1.2.3',
  '01.2.3.4',
  'www.example',
  '2001:db8::1/32',
  '2002::/16',
  ':',
];
const RANGE = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...RANGES) },
  { weight: 1, arbitrary: fc.constantFrom(...NO_RANGES) },
);
/** Mostly without categories: those that the policy does not have are refused. */
const { categories: _categories, ...withoutCategories } = ofPartyLayer;
const ofAddresses = fc.oneof(
  { weight: 4, arbitrary: fc.record(withoutCategories, { requiredKeys: [] }) },
  jsonLayer as fc.Arbitrary<object>,
);
const addresses = fc
  .tuple(
    fc.oneof(fc.constant({}), ofAddresses),
    fc.dictionary(RANGE, fc.oneof(ofAddresses, fc.constantFrom('blocked', 'unlimited')), { maxKeys: 3 }),
  )
  .map(([settings, ranges]) => ({ ...settings, ...ranges }));

/** A policy in JSON. It may break only rules that a schema cannot express. */
export const jsonPolicy: fc.Arbitrary<unknown> = fc.record(
  {
    ...ofLayer,
    plans: layers,
    regions: layers,
    environments: layers,
    accounts: fc.dictionary(NAME, partyLayer, { maxKeys: 2 }),
    addresses,
    service: fc.oneof(quotas, fc.record(ofCategory, { requiredKeys: ['quotas'] })),
    known: fc.record(
      {
        categories: names,
        plans: names,
        regions: names,
        environments: names,
        subjects: fc.uniqueArray(KIND, { minLength: 1, maxLength: 2 }),
      },
      { requiredKeys: [] },
    ),
    onStoreFailure: fc.oneof(
      FAILURE,
      fc.record({ default: FAILURE, categories: fc.dictionary(NAME, FAILURE) }, { requiredKeys: [] }),
    ),
    localShare: fc.constantFrom(1, 0.25, 1e-9),
  },
  { requiredKeys: ['quotas'] },
);

/** One change at one place of a document: a new value, a new key beside it, or its removal. */
type Change = { readonly at: number } & (
  | { readonly value: unknown }
  | { readonly key: string; readonly value: unknown }
  | { readonly gone: true }
);

const VALUE = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    '',
    'unlimited',
    'blocked',
    'local',
    'observe',
    'é',
    'x'.repeat(65),
    [],
    {},
  ),
  fc.constantFrom(-1, 0, 0.5, 1, 1.5, 99, 100, 101, 128, 16_385, 1e6 + 1, 2 ** 31 - 1, 2 ** 31, 2_678_400_001, 1e300),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.jsonValue({ maxDepth: 2 }),
);
const KEY = fc.oneof(
  fc.constantFrom('', 'quotas', 'total', 'mode', 'limit', 'windowMs', 'throttle', 'escalate', 'catgories', '__proto__'),
  fc.constantFrom(
    'constructor',
    'toString',
    'each',
    'service',
    'blocked',
    'until',
    'known',
    'replace',
    'sliceMs',
    'maxSlices',
    'plans',
    'accounts',
    'factor',
    '$schema',
  ),
);
const AT = fc.nat({ max: 100_000 });
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ at: AT, value: VALUE }),
  fc.record({ at: AT, key: KEY, value: VALUE }),
  fc.record({ at: AT, gone: fc.constant(true as const) }),
);

/** A document with a few changes at random places. */
export function changed(document: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(document, fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([document, changes]) => changes.reduce<unknown>(apply, plain(document)));
}

/** As if parsed from a file. */
export function plain(document: unknown): unknown {
  return JSON.parse(JSON.stringify(document));
}

function apply(document: unknown, change: Change): unknown {
  const places = placesOf(document);
  const place = places[change.at % places.length]!;
  if (!('value' in change)) return rebuilt(document, place, () => undefined);
  return rebuilt(document, place, (old) => {
    if (!('key' in change)) return change.value;
    if (typeof old !== 'object' || old === null) return old;
    return Array.isArray(old)
      ? [...old, change.value]
      : fromEntries([...Object.entries(old), [change.key, change.value]]);
  });
}

type Place = readonly (string | number)[];

function placesOf(document: unknown, place: Place = []): Place[] {
  if (typeof document !== 'object' || document === null) return [place];
  return [place, ...Object.entries(document).flatMap(([key, value]) => placesOf(value, [...place, key]))];
}

/** A copy with a new value at the place. `undefined` removes the place. */
function rebuilt(document: unknown, [key, ...rest]: Place, value: (old: unknown) => unknown): unknown {
  if (key === undefined) return value(document) ?? null;
  const entries = Object.entries(document as object)
    .map(
      ([name, old]) => [name, name !== key ? old : rest.length > 0 ? rebuilt(old, rest, value) : value(old)] as const,
    )
    .filter(([, kept]) => kept !== undefined);
  return Array.isArray(document) ? entries.map(([, kept]) => kept) : fromEntries(entries);
}

/** `__proto__` becomes an ordinary key, as with `JSON.parse`. */
function fromEntries(entries: readonly (readonly [string, unknown])[]): object {
  return Object.fromEntries(entries);
}
