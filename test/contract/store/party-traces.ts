import fc from 'fast-check';
import { HOSTILE_NAMES, type World } from './traces.js';

/** A charge names its account's counter and those of three subjects, or one of them. */
export function withSubjects(worlds: fc.Arbitrary<World>): fc.Arbitrary<World> {
  return fc.tuple(worlds, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 })).map(([world, hints]) => {
    const [first, second] = world.counters as [World['counters'][0], World['counters'][0]];
    return {
      ...world,
      counters: [
        { ...first, name: 'legs' },
        { ...second, name: '*~leg/L1', ...(hints[0] && { subject: 'L1' }) },
        { ...first, name: '*~leg/L2', ...(hints[1] && { subject: 'L2' }) },
        { ...second, name: '*~key/L1', ...(hints[2] && { subject: 'L1' }) },
      ],
    };
  });
}

/** A charge also names counters of another account and its subject, and one of everybody, with costs of their own. */
export function withOwners(worlds: fc.Arbitrary<World>): fc.Arbitrary<World> {
  const costs = fc.array(fc.constantFrom(undefined, 0, 1, 2, 3, 60), { minLength: 1, maxLength: 4 });
  return fc.tuple(worlds, costs, costs).map(([world, some, others]) => {
    const [first, second] = world.counters as [World['counters'][0], World['counters'][0]];
    return {
      ...world,
      joined: ['other', '@service'],
      counters: [
        { ...first, name: 'legs', costs: some },
        { ...second, name: 'legs', account: 'other', costs: others },
        { ...first, name: '*~leg/L1', subject: 'L1', account: 'other', costs: some },
        { ...second, name: '*', account: '@service', costs: others },
        { ...first, name: '*~leg/L1', subject: 'L1', costs: others },
      ],
    };
  });
}

/** Accounts and subjects that a careless store would mix up with each other, and with the counters of an account. */
export function withHostileSubjects(worlds: fc.Arbitrary<World>): fc.Arbitrary<World> {
  const id = fc.constantFrom('', ...HOSTILE_NAMES, ...HOSTILE_SUBJECTS);
  return fc
    .tuple(
      worlds,
      fc.uniqueArray(id, { minLength: 2, maxLength: 4 }),
      fc.uniqueArray(id, { minLength: 2, maxLength: 3 }),
      fc.constantFrom(...HOSTILE_KINDS),
    )
    .map(([world, accounts, subjects, kind]) => ({
      ...world,
      accounts,
      counters: [
        { ...world.counters[0]!, name: kind },
        ...subjects.map((subject, index) => ({
          ...world.counters[(index + 1) % 2]!,
          name: `${kind}/${subject}`,
          ...(index % 2 === 0 && { subject }),
        })),
      ],
    }));
}

/** Ids that end where another begins, and ids of all lengths around those that a store may keep or shorten. */
export const HOSTILE_SUBJECTS: readonly string[] = [
  'a',
  'b',
  'a/b',
  'b/c',
  'a/b/c',
  'a/*~leg/b',
  '*~leg/b',
  '*~leg/',
  '/',
  '//',
  '1a',
  '\u0001a',
  ...[3, 4, 5, 15, 16, 17, 20, 23, 24, 25, 40, 63, 64, 65].flatMap((length) => [
    's'.repeat(length),
    `${'s'.repeat(length - 1)}\0`,
    `${'s'.repeat(length - 1)}\ud800`,
  ]),
];

export const HOSTILE_KINDS: readonly string[] = [
  '*~leg',
  '*login/*~leg',
  '*/*~leg',
  'live/*~leg',
  '*login/*/live/*~leg',
  `${'n'.repeat(80)}/*~leg`,
  `*login/${'n'.repeat(80)}/*~leg`,
  '!/*~leg',
];
