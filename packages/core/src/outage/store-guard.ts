import { type Clock, monotonicClock } from '../clock.js';
import { type Correction, costChange, Decision, type PreparedCharge, Receipt } from '../decision/index.js';
import { isProgramsMistake } from '../errors.js';
import { countersOf, MemoryStore, type ScratchOutcome } from '../memory/index.js';
import { isPromise, type MaybePromise } from '../promises.js';
import { type CounterSpec, isOutcome, type Outcome, Quota, type Store } from '../store/index.js';
import { type Circuit, Circuits } from './circuit.js';
import { Fallback } from './fallback.js';
import { type Health, HealthReport } from './health-report.js';
import { type ChargeFollower, type ChargeParts, decideAsStore, isOutcomeFor, PendingCharge } from './pending-charge.js';
import { Settlement } from './settlement.js';
import { type CallEnd, type CallFollower, IGNORE_LATE, StoreCalls, VOID_CALL } from './store-calls.js';
import { WriteBack } from './write-back.js';

/** Follows the work of a guard. */
export interface GuardFollower extends CallFollower, ChargeFollower {
  healthChanged(health: HealthReport): void;
}

/**
 * Stands between a limiter and its store: no decision waits for a store that does not answer, and none is lost when it
 * fails. `docs/failure.md` describes what a caller sees.
 *
 * A memory store and all other stores have one way in each: {@link #consumeInMemory} and {@link #consumeFromStore}.
 */
export class StoreGuard {
  readonly health: HealthReport;
  readonly #store: Store;
  /** Set for a store in this process. It cannot be away, so its charges need no deadline, no copy and no write-back. */
  #memory: MemoryStore | undefined;
  /** Of charges that the store has decided, and nothing else remembers. */
  readonly #correction: Correction;
  readonly #follower: GuardFollower;
  readonly #calls: StoreCalls;
  readonly #circuits: Circuits;
  readonly #fallback: Fallback;
  readonly #writeBack: WriteBack;
  readonly #settlement: Settlement;
  readonly #parts: ChargeParts;
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
    // A method that the program has replaced must be called, so such a store is treated as any other.
    const isPlain = store instanceof MemoryStore && store.consume === MemoryStore.prototype.consume;
    this.#memory = isPlain ? store : undefined;
    this.#calls = new StoreCalls(timeoutMs, clock, follower, (account) => store.cause?.(account));
    this.#circuits = new Circuits(store, {
      clock,
      probe: (account) => this.#probe(account),
      changed: (circuit) => this.#circuitChanged(circuit),
    });
    this.health = new HealthReport(this.#circuits, () => follower.healthChanged(this.health));
    this.#writeBack = new WriteBack(store, this.#calls, this.#circuits, clock);
    this.#fallback = new Fallback(localStore);
    this.#settlement = new Settlement(store, this.#calls, this.#circuits, this.#fallback, this.#writeBack, clock);
    this.#parts = { fallback: this.#fallback, settlement: this.#settlement, follower };
    this.#correction = {
      store,
      isLocal: false,
      claim: (charge, id) => this.#settlement.claim(charge, id),
      settle: (charge, outcome, actualCost) => {
        follower.corrected(charge, charge.cost, actualCost);
        return this.#settlement.settle(charge, outcome, actualCost);
      },
    };
  }

  consume(charge: PreparedCharge): MaybePromise<Decision> {
    return this.#memory === undefined ? this.#consumeFromStore(charge) : this.#consumeInMemory(this.#memory, charge);
  }

  peek(charge: PreparedCharge): MaybePromise<Decision> {
    const { owner, cost, resolution } = charge;
    const circuit = this.#circuits.ofCharge(owner, resolution.counters);
    const without = () => this.#fallback.peek(charge, circuit);
    if (circuit.isOpen) return without();
    return this.#calls.ask(circuit, owner, () => this.#store.peek(owner, resolution.counters, cost), {
      ...IGNORE_LATE,
      isAnswer: (value) => isOutcomeFor(charge, value),
      answered: (outcome) => new Decision(charge, resolution, outcome as Outcome, 'store'),
      failed: without,
    });
  }

  /** Counts a charge without asking whether it fits, and in the local copy too. */
  debit(charge: PreparedCharge): MaybePromise<void> {
    this.#follower.corrected(charge, 0, charge.cost);
    return this.#memory === undefined ? this.#settlement.debitHereToo(charge) : this.#settlement.debit(charge);
  }

  /**
   * The receipt of a text.
   *
   * @throws TypeError unless it is the text of a receipt of this store.
   */
  receiptOf(text: string): Receipt {
    return Receipt.parse(text, this.#correction);
  }

  /** As {@link Store.reset}. */
  reset(owner: string, counter: string | undefined, limiter: string): MaybePromise<void> {
    this.#fallback.reset(owner, counter, limiter);
    this.#writeBack.forget(owner, counter);
    return this.#settlement.change(owner, () => this.#store.reset(owner, counter, limiter));
  }

  pardon(owner: string, counter: string | undefined, limiter: string): MaybePromise<void> {
    this.#fallback.pardon(owner, counter, limiter);
    return this.#settlement.change(owner, () => this.#store.pardon?.(owner, counter, limiter));
  }

  /**
   * Charges without a decision, for a candidate policy or limits that are only observed. No request waits for it, and a
   * failure is ignored. `seen` receives the outcome as soon as it is known.
   */
  consumeBeside(
    charge: PreparedCharge,
    method: 'consume' | 'peek' = 'consume',
    seen?: (outcome: Outcome) => void,
  ): MaybePromise<Outcome | undefined> {
    const { owner, cost, resolution } = charge;
    if (this.#circuits.ofCharge(owner, resolution.counters).isOpen) return undefined;
    const checked = (value: Outcome) => {
      if (!isOutcomeFor(charge, value)) return undefined;
      seen?.(value);
      return value;
    };
    try {
      const answer = this.#store[method](owner, resolution.counters, cost);
      // `catch` comes last: an answer may be anything, even an object with a getter that throws.
      return isPromise(answer)
        ? Promise.resolve(answer)
            .then(checked)
            .catch(() => undefined)
        : checked(answer);
    } catch {
      return undefined;
    }
  }

  /** Corrects what {@link consumeBeside} has charged. */
  settleBeside(charge: PreparedCharge, outcome: Outcome, actualCost: number): void {
    const { less, more } = costChange(charge, actualCost);
    if (less !== undefined) {
      const { owner, cost, resolution } = less;
      this.#tryBeside(less, (store) => store.refund(owner, resolution.counters, cost, outcome));
    }
    if (more !== undefined) this.debitBeside(more);
  }

  /** As {@link debit}, for a candidate policy or limits that are only observed. */
  debitBeside(charge: PreparedCharge): void {
    const { owner, cost, resolution } = charge;
    this.#tryBeside(charge, (store) => store.record?.(owner, resolution.counters, cost, 0));
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

  /** Decides waiting charges without the store, and ends all timers. */
  close(): void {
    this.#closed = true;
    for (const circuit of this.#circuits.all()) circuit.stop();
    this.#writeBack.stop();
    this.#calls.stop();
    this.#fallback.close();
  }

  #tryBeside({ owner, resolution }: PreparedCharge, call: (store: Store) => MaybePromise<void>): void {
    if (this.#closed || this.#circuits.ofCharge(owner, resolution.counters).isOpen) return;
    try {
      const done = call(this.#store);
      if (isPromise(done)) Promise.resolve(done).catch(() => {});
    } catch {}
  }

  #consumeInMemory(memory: MemoryStore, charge: PreparedCharge): Decision {
    const { owner, cost, resolution } = charge;
    let outcome: ScratchOutcome;
    try {
      outcome = countersOf(memory).consume(owner, resolution.counters, cost);
    } catch (thrown) {
      if (isProgramsMistake(thrown)) throw thrown;
      // The program's own clock threw. From now on this store is one that can fail.
      this.#memory = undefined;
      const circuit = this.#circuits.of(owner);
      return this.#calls.threw(circuit, owner, thrown, new PendingCharge(this.#parts, charge, circuit));
    }
    const isCharged = outcome.allowed && cost > 0;
    const decision = new Decision(charge, resolution, outcome, 'store', isCharged ? this.#correction : undefined);
    this.#follower.decided(decision);
    return decision;
  }

  #consumeFromStore(charge: PreparedCharge): MaybePromise<Decision> {
    const { owner, cost, resolution } = charge;
    const circuit = this.#circuits.ofCharge(owner, resolution.counters);
    if (circuit.isOpen) return new PendingCharge(this.#parts, charge, circuit).decideWithout('no');
    if (!this.#writeBack.isEmpty) this.#writeBack.send(owner);
    let answer: MaybePromise<Outcome>;
    try {
      answer = this.#store.consume(owner, resolution.counters, cost);
    } catch (thrown) {
      return this.#calls.threw(circuit, owner, thrown, new PendingCharge(this.#parts, charge, circuit));
    }
    // A refusal that came at once, such as one from a cache: nobody waits for it, and there is nothing to take back.
    if (isRefusalFor(charge, answer)) {
      circuit.succeeded();
      return decideAsStore(this.#parts, charge, answer);
    }
    return this.#calls.settle(circuit, owner, answer, new PendingCharge(this.#parts, charge, circuit));
  }

  async #probe(account: string): Promise<unknown> {
    if (this.#closed) return undefined;
    const circuit = this.#circuits.of(account);
    const store = this.#store;
    try {
      return await (store.probe === undefined
        ? this.#calls.ask(circuit, account, () => store.peek(account, PROBED, 0), PEEK_CALL)
        : this.#calls.ask(circuit, account, () => store.probe?.(account), VOID_CALL));
    } catch (error) {
      if (!isProgramsMistake(error)) throw error;
      // The store was closed, say: the next charge reports that.
      this.health.isStoreClosed = true;
      return undefined;
    }
  }

  #circuitChanged(circuit: Circuit): void {
    if (circuit.isOpen) this.#calls.abandon(circuit);
    else this.#writeBack.drain();
    this.health.changed();
  }
}

/** An answer may be anything, even an object with a getter that throws. */
function isRefusalFor(charge: PreparedCharge, answer: MaybePromise<Outcome>): answer is Outcome {
  try {
    return !isPromise(answer) && isOutcomeFor(charge, answer) && !answer.allowed;
  } catch {
    return false;
  }
}

const PEEK_CALL: CallEnd<undefined> = { ...VOID_CALL, isAnswer: (value) => isOutcome(value, 1, 1) };

/** A counter that every account may have. A probe peeks at it with no cost. */
const PROBED: readonly CounterSpec[] = [{ name: '*', quotas: [new Quota({ limit: 1, windowMs: 1000 })] }];
