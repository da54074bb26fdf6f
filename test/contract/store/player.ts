import type { CounterSpec, Outcome, Store } from '@tollgate/core';
import { type Admission, type Answer, Oracle } from './oracle.js';
import { type Command, chargeOf, durationOf, forgottenBy, type World } from './traces.js';

export interface StoreUnderTest {
  readonly store: Store;
  /** Moves the store's clock. Absent where the test cannot move it. */
  readonly time?: {
    advance(ms: number): void | Promise<void>;
    stepBack?(ms: number): void | Promise<void>;
  };
  stop(): void | Promise<void>;
}

export interface Charge {
  readonly account: string;
  readonly counters: readonly CounterSpec[];
  readonly cost: number;
}

/** One `consume` or `peek` of a trace, with the answer of the store and that of the oracle. */
export interface Answered extends Charge {
  readonly kind: 'consume' | 'peek';
  readonly outcome: Outcome;
  readonly expected: Answer;
  /** Milliseconds that the clock has advanced since the trace began. Repeated ones after a step back count once. */
  readonly elapsed: number;
  /** One entry per quota: the most that it may count, and the instant after which it contains every admission. */
  readonly most: readonly number[];
  readonly completeSince: readonly number[];
  /** The used cost of each quota just before and just after. Empty unless the trace was played with peeks. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Indexes in the trace. */
  readonly place: number;
  refundedFrom: number;
  /** By counter. */
  readonly forgottenFrom: Map<CounterSpec, number>;
}

/** Plays a trace on a store, passes its admissions to the oracle, and returns all answers. */
export async function play(
  under: StoreUnderTest,
  world: World,
  commands: readonly Command[],
  { peeks = false, skip = new Set<number>() }: { peeks?: boolean; skip?: ReadonlySet<number> } = {},
): Promise<Answered[]> {
  const { store } = under;
  if (under.time === undefined) throw new Error('traces need a store whose clock can be moved');
  const oracle = new Oracle();
  const answered: Answered[] = [];
  const refundable: { answer: Answered; admissions: Admission[] }[] = [];
  let behind = 0;
  let elapsed = 0;
  /** The latest instant in the store's answers, plus what the clock has advanced since. */
  let knownNow = 0;

  for (const [place, command] of commands.entries()) {
    if (skip.has(place)) continue;
    switch (command.kind) {
      case 'consume':
      case 'peek': {
        const account = world.accounts[command.account % world.accounts.length]!;
        const { counters, cost } = chargeOf(world, command.charge);
        const before = peeks ? await usedOf(store, account, counters) : [];
        const outcome = await store[command.kind](account, counters, cost);
        const after = peeks ? await usedOf(store, account, counters) : [];
        const { now } = outcome;
        knownNow = now;
        const each = counters.flatMap(({ name, quotas, account: owner = account }) =>
          quotas.map(({ windowMs }) => ({ owner, name, windowMs })),
        );
        const answer: Answered = {
          kind: command.kind,
          account,
          counters,
          cost,
          outcome,
          expected: oracle.ask(command.kind, account, counters, cost, outcome),
          elapsed,
          most: each.map(({ owner, name, windowMs }) => oracle.most(owner, name, windowMs, now, world.lateMs)),
          completeSince: each.map(({ owner, name, windowMs }) => oracle.completeSince(owner, name, windowMs, now)),
          before,
          after,
          place,
          refundedFrom: Number.POSITIVE_INFINITY,
          forgottenFrom: new Map(),
        };
        answered.push(answer);
        if (command.kind === 'consume' && outcome.allowed && cost > 0) {
          refundable.push({ answer, admissions: oracle.admit(account, counters, cost, now) });
        }
        break;
      }
      case 'refund': {
        const [picked] = refundable.splice(command.pick % Math.max(1, refundable.length), 1);
        if (picked === undefined) break;
        const { account, counters, cost, outcome } = picked.answer;
        // The answer to a refund does not contain the instant.
        const { now } = await store.peek(account, counters, 0);
        await store.refund(account, counters, cost, outcome);
        oracle.refund(picked.admissions, now);
        picked.answer.refundedFrom = place;
        break;
      }
      case 'reset': {
        const { account, name } = forgottenBy(world, command);
        await (name === undefined ? store.reset(account) : store.reset(account, name));
        oracle.reset(account, name);
        for (const answer of answered) {
          for (const counter of answer.counters) {
            if ((counter.account ?? answer.account) !== account || (name ?? counter.name) !== counter.name) continue;
            if (!answer.forgottenFrom.has(counter)) answer.forgottenFrom.set(counter, place);
          }
        }
        break;
      }
      case 'pardon': {
        if (store.pardon === undefined) throw new Error('this store has no pardon');
        const { account, name } = forgottenBy(world, command);
        await (name === undefined ? store.pardon(account) : store.pardon(account, name));
        oracle.throttling.pardon(account, name);
        break;
      }
      case 'advance': {
        const edge = edgeOf(oracle, command, knownNow);
        const ms = edge === undefined ? durationOf(world, command) : behind + Math.max(0, edge - knownNow);
        await under.time.advance(ms);
        const gone = Math.max(0, ms - behind);
        elapsed += gone;
        knownNow += gone;
        behind = Math.max(0, behind - ms);
        break;
      }
      case 'stepBack':
        if (under.time.stepBack === undefined) break;
        // The store reads its clock here: it cannot remember an instant that it has not read.
        await usedOf(store, world.accounts[0]!, [{ ...world.counters[0]!, quotas: world.counters[0]!.lists[0]! }]);
        await under.time.stepBack(command.ms);
        behind += command.ms;
        break;
    }
  }
  return answered;
}

/** The instant to which the command advances, if the trace has one of that kind ahead. */
function edgeOf(oracle: Oracle, { to, pick, by }: Extract<Command, { kind: 'advance' }>, now: number) {
  if (to !== 'throttling' && to !== 'violation') return undefined;
  const edges = oracle.throttling.edges(to, now);
  return edges.length === 0 ? undefined : edges[pick % edges.length]! + by;
}

async function usedOf(store: Store, account: string, counters: readonly CounterSpec[]): Promise<number[]> {
  const used: number[] = [];
  for (const { cost: _, ...counter } of counters) used.push(...(await store.peek(account, [counter], 0)).used);
  return used;
}
