import { type Clock, monotonicClock } from '../clock.js';
import { Decision, type Undo } from '../decision/index.js';
import { isProgramsMistake, type StoreError } from '../errors.js';
import { type Admission, countersOf, MemoryStore, type PassingOutcome } from '../memory/index.js';
import type { Resolution } from '../policy/index.js';
import { isPromise, type MaybePromise } from '../promises.js';
import { type CounterSpec, isOutcome, type Outcome, Quota, type Store } from '../store/index.js';
import type { Circuit } from './circuit.js';
import { Circuits } from './circuits.js';
import { type Charged, Fallback, type LocalCharge } from './fallback.js';
import { type Health, HealthWatch } from './health.js';
import { type ChargeRoom, PendingCharge } from './pending-charge.js';
import { type CallEnd, type CallFollower, downError, StoreCalls } from './store-calls.js';
import { WriteBack } from './write-back.js';

/** Who is told what a guard does. */
export interface GuardFollower {
  /** A charge has been decided, and this is what its caller receives; in memory, `slot` is where its first counter is. */
  decided(decision: Decision, slot?: number): void;
  healthChanged(): void;
  readonly calls: CallFollower;
}

/**
 * Stands between a limiter and its store, so that no decision waits for a store that does not answer and none is lost when
 * it fails. `docs/failure.md` tells what a caller sees of it.
 */
export class StoreGuard {
  readonly health: HealthWatch;
  readonly #store: Store;
  /** A store in this process does not go away: nothing is kept for it, and its answers are taken as they are. */
  readonly #memory: MemoryStore | undefined;
  readonly #calls: StoreCalls;
  readonly #circuits: Circuits;
  readonly #fallback: Fallback;
  readonly #writeBack: WriteBack;
  readonly #room: ChargeRoom;
  readonly #undoPlain: Undo<Outcome>;
  readonly #follower: GuardFollower;
  #closed = false;

  constructor(
    store: Store,
    timeoutMs: number,
    follower: GuardFollower,
    localStore?: MemoryStore,
    clock: Clock = monotonicClock,
  ) {
    this.#store = store;
    this.#follower = follower;
    this.#memory = store instanceof MemoryStore ? store : undefined;
    this.#calls = new StoreCalls(timeoutMs, clock, follower.calls);
    this.#circuits = new Circuits(store, {
      clock,
      probe: (account) => this.#probe(account),
      changed: (circuit) => this.#changed(circuit),
    });
    this.health = new HealthWatch(this.#circuits, () => follower.healthChanged());
    this.#writeBack = new WriteBack(store, this.#calls, this.#circuits, clock);
    this.#fallback = new Fallback(localStore, clock, { store, undo: (...charge) => this.#undoLocal(...charge) });
    this.#undoPlain = { store, undo: (...charge) => this.#undoOnStore(...charge) };
    this.#room = {
      fallback: this.#fallback,
      store,
      undo: (...charge) => this.#undoStored(...charge),
      owe: (...charge) => this.#owe(...charge),
      giveBack: (...charge) => this.#giveBack(...charge),
      decided: (decision) => follower.decided(decision),
    };
  }

  consume(charge: Charged, account: string, cost: number, resolution: Resolution): MaybePromise<Decision> {
    const circuit = this.#circuits.of(account);
    if (circuit.isOpen) return this.#pending(charge, account, cost, resolution, circuit).decideWithout('no');
    if (!this.#writeBack.isEmpty) this.#writeBack.send(account);
    // Of counters in this process, an outcome that is not kept is enough, unless someone has put a method of his own there.
    const memory = this.#memory;
    if (memory?.consume === MEMORY_CONSUME)
      return this.#consumeInMemory(memory, charge, account, cost, resolution, circuit);
    let answer: MaybePromise<Outcome>;
    try {
      answer = this.#store.consume(account, resolution.counters, cost);
    } catch (thrown) {
      const pending = this.#pending(charge, account, cost, resolution, circuit);
      return this.#calls.threw(circuit, account, thrown, pending);
    }
    if (memory !== undefined && !isPromise(answer)) return this.#decide(charge, cost, resolution, answer, -1, circuit);
    // A refusal at once has no one who waits for it, and nothing to undo.
    if (!isPromise(answer) && isRefusal(answer, resolution)) {
      if (answer.throttledMs !== undefined) this.#fallback.followThrottling(account, resolution, answer.throttledMs);
      return this.#decide(charge, cost, resolution, answer, -1, circuit);
    }
    const pending = this.#pending(charge, account, cost, resolution, circuit);
    return isPromise(answer)
      ? this.#calls.wait(circuit, account, answer, pending)
      : this.#calls.told(circuit, account, answer, pending);
  }

  peek(charge: Charged, account: string, cost: number, resolution: Resolution): MaybePromise<Decision> {
    const circuit = this.#circuits.of(account);
    const without = () => this.#fallback.peek(charge, account, cost, resolution, circuit);
    if (circuit.isOpen) return without();
    const { counters, quotas } = resolution;
    return this.#calls.ask(circuit, account, () => this.#store.peek(account, counters, cost), {
      ...NOTHING_LATE,
      isAnswer: (value) => isOutcome(value, quotas.length, counters.length),
      answered: (outcome) =>
        new Decision(charge, charge.category, cost, resolution, outcome as Outcome, undefined, 'store'),
      failed: without,
    });
  }

  reset(account: string, name?: string): MaybePromise<void> {
    this.#fallback.reset(account, name);
    this.#writeBack.forget(account, name);
    return this.#change(account, () =>
      name === undefined ? this.#store.reset(account) : this.#store.reset(account, name),
    );
  }

  pardon(account: string, name?: string): MaybePromise<void> {
    this.#fallback.pardon(account, name);
    return this.#change(account, () =>
      name === undefined ? this.#store.pardon?.(account) : this.#store.pardon?.(account, name),
    );
  }

  /** Charges beside the decisions, for whoever only wants to know: no one waits for it, and its failure is no one's. */
  try(account: string, resolution: Resolution, cost: number): MaybePromise<Outcome | undefined> {
    if (this.#circuits.of(account).isOpen) return undefined;
    const { counters, quotas } = resolution;
    const checked = (value: unknown) =>
      isOutcome(value, quotas.length, counters.length) ? (value as Outcome) : undefined;
    try {
      const answer = this.#store.consume(account, counters, cost);
      // Caught last: an answer may be anything, a getter that throws included.
      return isPromise(answer)
        ? Promise.resolve(answer)
            .then(checked)
            .catch(() => undefined)
        : checked(answer);
    } catch {
      return undefined;
    }
  }

  /** Takes back what {@link try} has charged. */
  untry(account: string, { counters }: Resolution, cost: number, outcome: Outcome): void {
    if (this.#closed || this.#circuits.of(account).isOpen) return;
    try {
      const done = this.#store.refund(account, counters, cost, outcome);
      if (isPromise(done)) Promise.resolve(done).catch(() => {});
    } catch {}
  }

  describe(): Health {
    const { state, since } = this.health;
    const { decidedLocally, allowedUnchecked, deniedUnchecked } = this.#fallback;
    const { pending, written, dropped } = this.#writeBack;
    return {
      state,
      since,
      shards: this.health.shards(),
      failures: this.#calls.failures,
      decidedLocally,
      allowedUnchecked,
      deniedUnchecked,
      writeBack: { pending, written, dropped },
    };
  }

  /** Whoever waits is answered without the store, and nothing is left running. */
  close(): void {
    this.#closed = true;
    for (const circuit of this.#circuits.all()) circuit.stop();
    this.#writeBack.stop();
    this.#calls.stop();
    this.#fallback.close();
  }

  #consumeInMemory(
    memory: MemoryStore,
    charge: Charged,
    account: string,
    cost: number,
    resolution: Resolution,
    circuit: Circuit,
  ): MaybePromise<Decision> {
    let outcome: PassingOutcome;
    try {
      outcome = countersOf(memory).consume(account, resolution.counters, cost);
    } catch (thrown) {
      const pending = this.#pending(charge, account, cost, resolution, circuit);
      return this.#calls.threw(circuit, account, thrown, pending);
    }
    return this.#decide(charge, cost, resolution, outcome, outcome.slot, circuit);
  }

  /** Of a store in this process: neither waited for nor followed. */
  #decide(
    charge: Charged,
    cost: number,
    resolution: Resolution,
    outcome: Outcome | PassingOutcome,
    slot: number,
    circuit: Circuit,
  ): Decision {
    circuit.succeeded();
    const undo = outcome.allowed && cost > 0 ? this.#undoPlain : undefined;
    const decision = new Decision(charge, charge.category, cost, resolution, outcome, undo, 'store');
    this.#follower.decided(decision, slot);
    return decision;
  }

  #pending(charge: Charged, account: string, cost: number, resolution: Resolution, circuit: Circuit): PendingCharge {
    return new PendingCharge(this.#room, charge, account, cost, resolution, circuit);
  }

  #undoStored(
    account: string,
    resolution: Resolution,
    cost: number,
    outcome: Outcome,
    copy?: Admission,
  ): MaybePromise<void> {
    if (copy !== undefined) this.#fallback.refund(account, resolution, cost, copy);
    return this.#undoOnStore(account, resolution, cost, outcome);
  }

  /** What is on its way to the store already, or has arrived, stays there: a store has no name for it. */
  #undoLocal(account: string, resolution: Resolution, cost: number, local: LocalCharge): MaybePromise<void> {
    local.refunded = true;
    this.#fallback.refund(account, resolution, cost, local.outcome);
    if (local.entry !== undefined) this.#writeBack.withdraw(local.entry, cost);
    return local.stored && this.#undoOnStore(account, resolution, cost, local.stored);
  }

  #undoOnStore(account: string, { counters }: Resolution, cost: number, outcome: Outcome): MaybePromise<void> {
    return this.#change(account, () => this.#store.refund(account, counters, cost, outcome));
  }

  /** A call that has no answer but that it was done; it rejects when it was not. */
  #change(account: string, call: () => MaybePromise<void>): MaybePromise<void> {
    const circuit = this.#circuits.of(account);
    if (circuit.isOpen) return Promise.reject(downError('no'));
    return this.#calls.ask(circuit, account, call, DONE_OR_NOT);
  }

  #owe(account: string, { counters }: Resolution, cost: number, local: LocalCharge): void {
    local.entry = this.#writeBack.add(account, counters, cost, local.at);
  }

  #giveBack(account: string, { counters }: Resolution, cost: number, outcome: Outcome): void {
    const circuit = this.#circuits.of(account);
    const refund = () => this.#store.refund(account, counters, cost, outcome);
    // The store has just answered, so it is asked even while its circuit is open; if it fails, the cost counts too long.
    const given = this.#calls.ask(circuit, account, refund, DONE_OR_NOT);
    if (isPromise(given)) given.catch(() => {});
  }

  async #probe(account: string): Promise<unknown> {
    if (this.#closed) return undefined;
    const circuit = this.#circuits.of(account);
    const store = this.#store;
    try {
      return await (store.probe === undefined
        ? this.#calls.ask(circuit, account, () => store.peek(account, PROBED, 0), PEEKED_OR_NOT)
        : this.#calls.ask(circuit, account, () => store.probe?.(account), DONE_OR_NOT));
    } catch (error) {
      // A store that was closed, say: whoever charges it next has to hear of that.
      if (isProgramsMistake(error)) return undefined;
      throw error;
    }
  }

  #changed(circuit: Circuit): void {
    if (circuit.isOpen) this.#calls.abandon(circuit);
    else this.#writeBack.drain();
    this.health.changed();
  }
}

const MEMORY_CONSUME = MemoryStore.prototype.consume;

function isRefusal(answer: Outcome, { quotas, counters }: Resolution): boolean {
  return isOutcome(answer, quotas.length, counters.length) && !answer.allowed;
}

const NOTHING_LATE = { answeredLate: () => {}, failedLate: () => {} };

const DONE_OR_NOT: CallEnd<undefined> = {
  ...NOTHING_LATE,
  isAnswer: () => true,
  answered: () => undefined,
  failed: (error: StoreError) => Promise.reject(error) as never,
};

const PEEKED_OR_NOT: CallEnd<undefined> = { ...DONE_OR_NOT, isAnswer: (value) => isOutcome(value, 1, 1) };

/** A counter that every account may have, asked about with no cost. */
const PROBED: readonly CounterSpec[] = [{ name: '*', quotas: [new Quota({ limit: 1, windowMs: 1000 })] }];
