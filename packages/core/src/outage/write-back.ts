import type { Clock } from '../clock.js';
import type { PreparedCharge } from '../decision/index.js';
import type { StoreError } from '../errors.js';
import { type CounterSpec, ownersOf, type Store } from '../store/index.js';
import type { CallCircuit, Circuits } from './circuit.js';
import { Journal, type JournalEntry } from './journal.js';
import type { CallEnd, StoreCalls } from './store-calls.js';
import { Uncounted } from './uncounted.js';

/**
 * Writes the admissions of an outage to the store once it is back. A record that the store may have counted is not sent
 * again: an admission may be lost here, but is never counted twice. A bounded number of records is on its way at a
 * time, and fewer while requests charge the store. A store that batches sends many of them in one call.
 */
export class WriteBack {
  readonly #store: Store;
  readonly #calls: StoreCalls;
  readonly #circuits: Circuits;
  readonly #clock: Clock;
  readonly #journal = new Journal(MAX_ENTRIES);
  /** What the store may never count. */
  readonly uncounted: Uncounted;
  readonly #canRecord: boolean;
  /** Accounts whose entries wait to be sent. */
  #queue: string[] = [];
  /** Accounts whose data in the store is broken. Their entries wait, and nobody else's wait for them. */
  readonly #broken = new Set<string>();
  #brokenSince = Number.NEGATIVE_INFINITY;
  /** The latest charge while there were entries. */
  #chargedAt = Number.NEGATIVE_INFINITY;
  #sending = 0;
  #written = 0;
  #dropped = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(store: Store, calls: StoreCalls, circuits: Circuits, clock: Clock) {
    this.#store = store;
    this.#calls = calls;
    this.#circuits = circuits;
    this.#clock = clock;
    this.uncounted = new Uncounted(clock);
    this.#canRecord = typeof store.record === 'function';
  }

  get isEmpty(): boolean {
    return this.#journal.isEmpty;
  }

  get pending(): number {
    return this.#journal.pending;
  }

  get written(): number {
    return this.#written;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Notes an admission that the store certainly did not count. Without an entry, the store never will. */
  add(account: string, counters: readonly CounterSpec[], cost: number, at: number): JournalEntry | undefined {
    const canRecord = this.#canRecord && !this.#stopped;
    const entry = canRecord ? this.#journal.add(account, counters, cost, at) : undefined;
    if (entry === undefined) {
      if (canRecord) this.#dropped++;
      this.uncounted.add(account, counters, at);
    } else if (this.#canSend(entry)) {
      this.#sendSoon();
    }
    return entry;
  }

  withdraw(entry: JournalEntry, cost: number, isWhole: boolean): void {
    this.#journal.withdraw(entry, cost, isWhole);
  }

  /**
   * Joined charges cost each of their counters another number of units, and share no entry. Counters that were
   * forgotten meanwhile stay forgotten.
   */
  recost(entry: JournalEntry, { cost, resolution }: PreparedCharge): void {
    const { counters } = entry;
    entry.cost = cost;
    entry.counters = resolution.counters.filter(({ account, name }) => {
      return counters.some((counter) => counter.account === account && counter.name === name);
    });
  }

  forget(account: string, name?: string): void {
    this.#journal.forget(account, name);
    this.#broken.delete(account);
    if (name === undefined) this.uncounted.forget(account);
  }

  /**
   * Sends entries of the account: all of them, unless it has more than may be sent beside charges. Called before its
   * next charge is sent.
   */
  send(account: string): void {
    const now = this.#clock();
    this.#chargedAt = now;
    if (this.#isBroken(account, now)) return;
    // They are taken before the first is sent: an entry that fails at once is put back at once.
    const room = Math.max(0, MAX_BESIDE_CHARGES - this.#sending);
    const entries = this.#journal.takeFirst(account, now, room, this.#canSend);
    for (const entry of entries) this.#send(entry);
    // With room left, the others wait for a shard, whose circuit drains the journal when it closes.
    if (entries.length === room && this.#journal.has(account)) this.#sendSoon();
  }

  /**
   * Those of the counters of which the store may lack admissions of this process that still count: it may not have
   * counted them, or they wait here.
   */
  behindOf(account: string, counters: readonly CounterSpec[]): readonly CounterSpec[] {
    if (this.isEmpty && this.uncounted.isEmpty) return NONE;
    const behind = ownersOf(account, counters).filter((owner) => {
      return this.uncounted.has(owner) || this.#journal.concerns(owner);
    });
    if (behind.length === 0) return NONE;
    return counters.filter(({ account: owner = account }) => behind.includes(owner));
  }

  /** Sends all entries to the shards that are up, a few at a time. */
  drain(): void {
    if (this.#stopped || this.#journal.isEmpty) return;
    this.#queue = this.#journal.accounts();
    this.#pump();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
  }

  #pump(): void {
    const now = this.#clock();
    const most = now - this.#chargedAt < YIELDS_MS ? MAX_BESIDE_CHARGES : MAX_SENDING;
    while (this.#sending < most && this.#queue.length > 0) {
      const account = this.#queue.at(-1)!;
      const waits = this.#stopped || this.#isBroken(account, now);
      const [entry] = waits ? [] : this.#journal.takeFirst(account, now, 1, this.#canSend);
      if (entry === undefined) this.#queue.pop();
      else this.#send(entry);
    }
    if (this.#queue.length === 0 && this.#broken.size > 0 && !this.#journal.isEmpty) this.#sendSoon();
  }

  /** Of all shards that the entry needs: a record that only some of them take would be lost in the others. */
  #circuitOf({ account, counters }: JournalEntry): CallCircuit {
    return this.#circuits.ofCharge(account, counters);
  }

  readonly #canSend = (entry: JournalEntry): boolean => !this.#circuitOf(entry).isOpen;

  /** Whether a record of the account has failed lately, since the account's data is broken. */
  #isBroken(account: string, now: number): boolean {
    if (this.#broken.size === 0) return false;
    if (now - this.#brokenSince >= BROKEN_MS) this.#broken.clear();
    return this.#broken.has(account);
  }

  #send(entry: JournalEntry): void {
    const { account, counters, cost, latestAt } = entry;
    const agoMs = Math.max(0, Math.floor(this.#clock() - latestAt));
    this.#sending++;
    const sent = () => {
      this.#sending--;
      this.#pump();
    };
    const end = new RecordEnd(entry, this);
    const record = () => this.#store.record?.(account, counters, cost, agoMs);
    // A store that was closed meanwhile throws, and the entry is lost.
    new Promise((resolve) => resolve(this.#calls.ask(this.#circuitOf(entry), account, record, end))).then(sent, () => {
      this.lose(entry, entry.admissions);
      sent();
    });
  }

  count(admissions: number): void {
    this.#written += admissions;
  }

  /** The store may never count admissions of the entry. */
  lose(entry: JournalEntry, admissions: number): void {
    const { account, counters, latestAt } = entry;
    this.#dropped += admissions;
    entry.doubts = this.uncounted.add(account, counters, latestAt, admissions);
  }

  /** Lost admissions are known to be counted, or not to be. */
  find({ doubts }: JournalEntry, admissions: number): void {
    this.#dropped -= admissions;
    if (doubts !== undefined) this.uncounted.remove(doubts, admissions);
  }

  /** A record has failed without an effect. */
  putBack(entry: JournalEntry, { concerns }: StoreError): void {
    const now = this.#clock();
    if (concerns === 'account') {
      if (this.#broken.size === 0) this.#brokenSince = now;
      this.#broken.add(entry.account);
    } else {
      this.#queue = [];
    }
    if (entry.admissions === 0) return;
    if (this.#stopped || !this.#journal.put(entry, now)) this.lose(entry, entry.admissions);
    else if (this.#canSend(entry)) this.#sendSoon();
  }

  /** An open circuit drains the journal when it closes; with a closed one, a timer has to. */
  #sendSoon(): void {
    if (this.#retry !== undefined || this.#stopped) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.drain();
    }, RETRY_MS);
    this.#retry.unref();
  }
}

/** Handles the answer to an entry that was sent. */
class RecordEnd implements CallEnd<void> {
  readonly #entry: JournalEntry;
  readonly #writeBack: WriteBack;
  readonly #admissions: number;

  constructor(entry: JournalEntry, writeBack: WriteBack) {
    this.#entry = entry;
    this.#writeBack = writeBack;
    this.#admissions = entry.admissions;
  }

  isAnswer(): boolean {
    return true;
  }

  answered(): void {
    this.#writeBack.count(this.#admissions);
  }

  failed(error: StoreError): void {
    if (error.charged === 'no') this.#writeBack.putBack(this.#entry, error);
    else this.#writeBack.lose(this.#entry, this.#admissions);
  }

  answeredLate(): void {
    this.#writeBack.find(this.#entry, this.#admissions);
    this.#writeBack.count(this.#admissions);
  }

  failedLate(error: StoreError): void {
    if (error.charged !== 'no') return;
    this.#writeBack.find(this.#entry, this.#admissions);
    this.#writeBack.putBack(this.#entry, error);
  }
}

const NONE: readonly CounterSpec[] = [];
const MAX_ENTRIES = 100_000;
/** A record costs Redis about 15 µs, so these are some 8 ms of its time. */
const MAX_SENDING = 512;
/** While requests charge the store, they wait for some 2 ms of records at most. */
const MAX_BESIDE_CHARGES = 128;
const YIELDS_MS = 50;
const RETRY_MS = 100;
/** How long the records of an account wait whose data is broken. */
const BROKEN_MS = 1000;
