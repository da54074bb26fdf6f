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
const ofLayer = {
  ...ofCategory,
  categories: fc.dictionary(NAME, fc.oneof(quotas, fc.record(ofCategory, { requiredKeys: [] })), { maxKeys: 3 }),
  total: quotas,
};

/** A layer in JSON. It may break only rules that a schema cannot express. */
export const jsonLayer: fc.Arbitrary<unknown> = fc.record({ ...ofLayer, replace: fc.boolean() }, { requiredKeys: [] });
const names = fc.array(NAME, { minLength: 1, maxLength: 3 });
const layers = fc.dictionary(NAME, jsonLayer, { maxKeys: 2 });

/** A policy in JSON. It may break only rules that a schema cannot express. */
export const jsonPolicy: fc.Arbitrary<unknown> = fc.record(
  {
    ...ofLayer,
    plans: layers,
    regions: layers,
    environments: layers,
    accounts: layers,
    known: fc.record({ categories: names, plans: names, regions: names, environments: names }, { requiredKeys: [] }),
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
  fc.constantFrom<unknown>(null, true, false, '', 'unlimited', 'local', 'observe', 'é', 'x'.repeat(65), [], {}),
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
