import { type CounterSpec, Quota, type Throttle } from '@tollgate/core';
import { entryOf } from '@tollgate/core/kit';
import fc from 'fast-check';

/** The accounts, and a few lists of quotas for each counter. A charge picks one of the lists. */
export interface World {
  readonly accounts: readonly string[];
  /** Accounts that charge nothing, and whose counters are joined. */
  readonly joined?: readonly string[];
  readonly counters: readonly WorldCounter[];
  /** The longest time that a store may count an admission after it has left its window. */
  readonly lateMs: number;
}

interface WorldCounter extends Pick<CounterSpec, 'name' | 'subject' | 'account'> {
  readonly lists: readonly (readonly Quota[])[];
  /** The throttles from which a charge picks. Absent where no charge has one. */
  readonly throttles?: readonly (Throttle | undefined)[];
  /** The costs of its own from which a charge picks; `undefined` for the cost of the charge. */
  readonly costs?: readonly (number | undefined)[];
}

/** Numbers are picks: an index modulo the length of the world's list. */
export type Command =
  | { readonly kind: 'consume' | 'peek'; readonly account: number; readonly charge: ChargePick }
  | { readonly kind: 'refund'; readonly pick: number }
  | { readonly kind: 'reset' | 'pardon'; readonly account: number; readonly counter: number | undefined }
  | { readonly kind: 'advance'; readonly to: Edge; readonly pick: number; readonly by: number }
  | { readonly kind: 'stepBack'; readonly ms: number };

type Edge = 'window' | 'slice' | 'part' | 'instant' | 'throttling' | 'violation';

export interface ChargePick {
  readonly counter: number;
  readonly both: boolean;
  readonly lists: readonly [number, number];
  readonly cost: number;
}

export const WINDOWS: readonly number[] = [100, 101, 250, 1000, 1001, 2000, 60_000, 2_678_400_000];
const windows = fc.uniqueArray(fc.constantFrom(...WINDOWS), { minLength: 1, maxLength: 3 });
const smallLimit = fc.oneof(
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 15, arbitrary: fc.integer({ min: 1, max: 6 }) },
);

/** Limits and the order of quotas differ from call to call. A counter always has the same windows. */
export const exactWorld: fc.Arbitrary<World> = worldOf(
  windows.chain((lengths) =>
    fc.array(
      fc
        .shuffledSubarray(lengths, { minLength: lengths.length })
        .chain((order) =>
          fc
            .tuple(...order.map(() => smallLimit))
            .map((limits) => order.map((windowMs, index) => new Quota({ limit: limits[index]!, windowMs }))),
        ),
      { minLength: 1, maxLength: 3 },
    ),
  ),
  () => 0,
);

/** A trace of 60 commands has fewer admissions than a window has slices. A counter always has the same quotas. */
export const roomyWorld: fc.Arbitrary<World> = worldOf(
  windows.map((lengths) => [lengths.map((windowMs) => new Quota({ limit: 100, windowMs }))]),
  () => 0,
);

/** Limits are above `slices`, and a counter always has the same quotas. */
export const coarseWorld: fc.Arbitrary<World> = worldOf(
  windows.chain((lengths) =>
    fc
      .tuple(
        ...lengths.map(() =>
          fc.record({ limit: fc.integer({ min: 9, max: 50 }), slices: fc.integer({ min: 2, max: 8 }) }),
        ),
      )
      .map((options) => [lengths.map((windowMs, index) => new Quota({ ...options[index]!, windowMs }))]),
  ),
  (quotas) => Math.max(...quotas.map(({ sliceMs }) => sliceMs)),
);

/** Windows and limits of a counter differ from call to call. Each single quota is exact. */
export const movingWorld: fc.Arbitrary<World> = worldOf(
  fc.array(listOf(fc.constantFrom(...WINDOWS), smallLimit, fc.constant(128)), { minLength: 2, maxLength: 4 }),
  // A store keeps a window that the present quotas do not name in 128 slices.
  (quotas) => Math.max(...quotas.map(({ windowMs }) => Math.ceil(windowMs / 128))),
);

/** Windows, limits and slices of a counter all differ from call to call. */
export const anyWorld: fc.Arbitrary<World> = worldOf(
  fc.array(listOf(fc.constantFrom(...WINDOWS), fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 60 })), {
    minLength: 2,
    maxLength: 4,
  }),
  // After a change from fine to coarse slices, a slice may grow as long as a window.
  (quotas) => Math.max(...quotas.map(({ windowMs }) => windowMs)),
);

/** Any of the above. */
export const everyWorld: fc.Arbitrary<World> = fc.oneof(exactWorld, coarseWorld, movingWorld, anyWorld);

export const HOSTILE_NAMES: readonly string[] = [
  '__proto__',
  'constructor',
  '}{',
  '{a}',
  '\0',
  'a\0b',
  '*',
  '/',
  '%2f',
  ':',
  '\ud800',
  '\udc00',
  '\ufffd',
  'é',
  'e\u0301',
  `${'n'.repeat(299)}a`,
  `${'n'.repeat(299)}b`,
  `${'n'.repeat(299)}\ud800`,
  `${'n'.repeat(299)}\udc00`,
  'ж'.repeat(20),
  '6'.repeat(20),
  '\ud800'.repeat(20),
  'n'.repeat(256),
  'n'.repeat(257),
  '!',
  '!*',
  '!!*',
  '*!',
  '!/',
  '!\0',
  `!${'n'.repeat(255)}`,
  `!${'n'.repeat(256)}`,
];

/** Accounts and counters with names that a careless store would mix up. */
export const hostileWorld: fc.Arbitrary<World> = exactWorld.chain((world) =>
  fc
    .record({
      accounts: fc.uniqueArray(fc.constantFrom('', ...HOSTILE_NAMES), { minLength: 2, maxLength: 4 }),
      names: fc.uniqueArray(fc.constantFrom(...HOSTILE_NAMES), { minLength: 2, maxLength: 2 }),
    })
    .map(({ accounts, names }) => ({
      ...world,
      accounts,
      counters: world.counters.map(({ lists }, index) => ({ name: names[index]!, lists })),
    })),
);

export const chargePick: fc.Arbitrary<ChargePick> = fc.record({
  counter: fc.nat(1),
  both: fc.boolean(),
  lists: fc.tuple(fc.nat(11), fc.nat(11)),
  cost: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, { weight: 2, arbitrary: fc.nat(60) }),
});

export const advance: fc.Arbitrary<Extract<Command, { kind: 'advance' }>> = fc.record({
  kind: fc.constant('advance' as const),
  to: fc.constantFrom<Edge>('window', 'slice', 'slice', 'part', 'part', 'instant'),
  pick: fc.nat(99),
  by: fc.constantFrom(-1, 0, 0, 1),
});

export const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ kind: fc.constant('consume' as const), account: fc.nat(3), charge: chargePick }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('peek' as const), account: fc.nat(3), charge: chargePick }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('refund' as const), pick: fc.nat(50) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('reset' as const),
      account: fc.nat(3),
      counter: fc.option(fc.nat(1), { nil: undefined }),
    }),
  },
  { weight: 5, arbitrary: advance },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('stepBack' as const), ms: fc.constantFrom(1, 99, 100, 1000, 1e7) }),
  },
);

export const commands: fc.Arbitrary<readonly Command[]> = fc.array(command, {
  minLength: 1,
  maxLength: 60,
  size: 'max',
});

/**
 * The charge of a pick: one counter, or all of them from one on. Costs are from 0 to 2 above the largest limit. Charges
 * on equal counters share their array, as those of a limiter do, unless one is of a subject or has a cost of its own.
 */
export function chargeOf(world: World, pick: ChargePick): { counters: CounterSpec[]; cost: number } {
  const count = world.counters.length;
  const from = count <= 2 ? pick.counter : (pick.counter + 2 * pick.lists[1]) % count;
  const order = Array.from({ length: pick.both ? count : 1 }, (_, at) => (from + at) % count);
  const picks = order.map((index, at) => {
    const { lists, throttles = [] } = world.counters[index]!;
    return { index, picked: pick.lists[at % 2]! % (lists.length * Math.max(1, throttles.length)) };
  });
  const make = () =>
    picks.map(({ index, picked }): CounterSpec => {
      const { name, subject, account, lists, throttles = [], costs = [] } = world.counters[index]!;
      const throttle = throttles[Math.floor(picked / lists.length)];
      const cost = costs[(pick.cost + index) % Math.max(1, costs.length)];
      return {
        name,
        quotas: lists[picked % lists.length]!,
        ...(throttle && { throttle }),
        ...(subject !== undefined && { subject }),
        ...(account !== undefined && { account }),
        ...(cost !== undefined && { cost }),
      };
    });
  const isShared = world.counters.every(({ subject, costs }) => subject === undefined && costs === undefined);
  const known = entryOf(COUNTERS, world, () => new Map<string, CounterSpec[]>());
  const counters = isShared ? entryOf(known, JSON.stringify(picks), make) : make();
  const largest = Math.max(...counters.flatMap(({ quotas }) => quotas.map(({ limit }) => limit)));
  const own = counters.flatMap(({ cost }) => (cost === undefined ? [] : [cost]));
  const base = own.length === counters.length ? 0 : pick.cost % (largest + 3);
  return { counters, cost: Math.max(base, ...own) };
}

/** Whose counters a reset or pardon is about, and the name of the one counter, if it is one. */
export function forgottenBy(
  world: World,
  command: Extract<Command, { kind: 'reset' | 'pardon' }>,
): { readonly account: string; readonly name: string | undefined } {
  const accounts = [...world.accounts, ...(world.joined ?? [])];
  const { counters } = world;
  return {
    account: accounts[command.account % accounts.length]!,
    name:
      command.counter === undefined
        ? undefined
        : counters[(command.counter + 2 * command.account) % counters.length]!.name,
  };
}

const COUNTERS = new WeakMap<World, Map<string, CounterSpec[]>>();

/** The whole milliseconds of an advance: to the edge of a window or slice, one beside it, or inside. */
export function durationOf(world: World, { to, pick, by }: Extract<Command, { kind: 'advance' }>): number {
  const quotas = world.counters.flatMap(({ lists }) => lists.flat());
  const { windowMs, slices } = quotas[pick % quotas.length]!;
  const throttles = throttlesOf(world);
  const throttle = throttles[pick % throttles.length];
  switch (to) {
    case 'window':
      return windowMs + by;
    case 'slice':
      return Math.max(0, Math.ceil(windowMs / slices) * (1 + (pick % 3)) + by);
    case 'part':
      return Math.floor((windowMs * (pick + 1)) / 200);
    case 'instant':
      return Math.max(0, by);
    case 'throttling':
      return (throttle?.forMs ?? windowMs) + by;
    case 'violation':
      return (throttle?.withinMs ?? windowMs) + by;
  }
}

export function throttlesOf({ counters }: World): Throttle[] {
  return counters.flatMap(({ throttles = [] }) => throttles.filter((throttle) => throttle !== undefined));
}

function listOf(
  windowMs: fc.Arbitrary<number>,
  limit: fc.Arbitrary<number>,
  slices: fc.Arbitrary<number>,
): fc.Arbitrary<Quota[]> {
  return fc
    .uniqueArray(fc.record({ windowMs, limit, slices }), {
      minLength: 1,
      maxLength: 3,
      selector: (one) => one.windowMs,
    })
    .map((list) => list.map((options) => new Quota(options)));
}

function worldOf(lists: fc.Arbitrary<Quota[][]>, lateMs: (quotas: readonly Quota[]) => number): fc.Arbitrary<World> {
  return fc.tuple(lists, lists).map(([first, second]) => ({
    accounts: ['ameyo5m', 'acme'],
    counters: [
      { name: 'legs', lists: first },
      { name: '*', lists: second },
    ],
    lateMs: lateMs([...first, ...second].flat()),
  }));
}
