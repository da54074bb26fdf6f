import { type Clock, wallClock } from '../clock.js';
import type { StoreError } from '../errors.js';
import type { CounterSpec, Store } from '../store/index.js';

/** What a circuit needs from its owner. */
export interface CircuitOptions {
  readonly clock: Clock;
  /** Tries the store for an account, within the deadline. */
  readonly probe: (account: string) => Promise<unknown>;
  /** Called when the circuit opens, when it closes, and with the first answer of the shard. */
  readonly changed: (circuit: Circuit) => void;
}

/**
 * The circuit breaker of one shard of a store. After {@link FAILURES_TO_OPEN} failures in a row it opens: no request
 * waits for the shard, and only a probe in the background tries it, less and less often. The first success closes it.
 */
export class Circuit {
  readonly name: string;
  readonly #options: CircuitOptions;
  #failures = 0;
  #isOpen = false;
  #isKnown = false;
  #since: number = wallClock();
  #account = '';
  #lastError: StoreError | undefined;
  #probes = 0;
  #probeAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(name: string, options: CircuitOptions) {
    this.name = name;
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether the shard has answered, or failed often enough to be down. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** When it opened or closed: milliseconds since the epoch. */
  get since(): number {
    return this.#since;
  }

  get lastError(): StoreError | undefined {
    return this.#lastError;
  }

  /** Milliseconds until the next probe, at least 1. While the circuit is closed, every request is a probe. */
  get nextProbeMs(): number {
    return this.#isOpen ? Math.max(1, Math.ceil(this.#probeAt - this.#options.clock())) : 1;
  }

  /** A call was answered in time. Only the probe closes an open circuit. */
  succeeded(): void {
    if (this.#isOpen) return;
    this.#failures = 0;
    if (this.#isKnown) return;
    this.#isKnown = true;
    this.#options.changed(this);
  }

  failed(error: StoreError, account: string): void {
    this.#lastError = error;
    this.#account = account;
    if (this.#isOpen || this.#stopped) return;
    this.#failures++;
    if (this.#failures < FAILURES_TO_OPEN) return;
    this.#isOpen = true;
    this.#isKnown = true;
    this.#since = wallClock();
    this.#probes = 0;
    this.#scheduleProbe();
    this.#options.changed(this);
  }

  includes(circuit: Circuit): boolean {
    return circuit === this;
  }

  /** Ends the probes. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #scheduleProbe(): void {
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#probes);
    this.#probes++;
    // Up to a fifth sooner, so that the instances of a service do not all probe at once.
    const pause = longest * (1 - Math.random() / 5);
    this.#probeAt = this.#options.clock() + pause;
    this.#timer = setTimeout(() => this.#probe(), pause);
    this.#timer.unref();
  }

  #probe(): void {
    this.#options.probe(this.#account).then(
      () => this.#close(),
      () => {
        if (!this.#stopped) this.#scheduleProbe();
      },
    );
  }

  #close(): void {
    if (this.#stopped) return;
    this.#isOpen = false;
    this.#failures = 0;
    this.#since = wallClock();
    this.#options.changed(this);
  }
}

/** What a call needs of the circuits of its shards. */
export type CallCircuit = Pick<Circuit, 'isOpen' | 'nextProbeMs' | 'succeeded' | 'failed' | 'includes'>;

/**
 * The circuits of a charge whose accounts lie in several shards. It needs all of these, and an error does not say which
 * of them has failed. So a failure counts for each, and the probes soon close the circuits of those that are well.
 */
class JointCircuit implements CallCircuit {
  /** Each with an account of the shard. */
  readonly #accounts: ReadonlyMap<Circuit, string>;

  constructor(accounts: ReadonlyMap<Circuit, string>) {
    this.#accounts = accounts;
  }

  get isOpen(): boolean {
    for (const circuit of this.#accounts.keys()) if (circuit.isOpen) return true;
    return false;
  }

  get nextProbeMs(): number {
    return Math.max(...Array.from(this.#accounts.keys(), ({ nextProbeMs }) => nextProbeMs));
  }

  succeeded(): void {
    for (const circuit of this.#accounts.keys()) circuit.succeeded();
  }

  failed(error: StoreError): void {
    for (const [circuit, account] of this.#accounts) circuit.failed(error, account);
  }

  includes(circuit: Circuit): boolean {
    return this.#accounts.has(circuit);
  }
}

/** One circuit for each shard of the store. Most stores have one shard. */
export class Circuits {
  readonly #store: Store;
  readonly #options: CircuitOptions;
  readonly #byName = new Map<string, Circuit>();
  /** For a store without shards, and for accounts whose shard the store cannot name. */
  readonly #whole: Circuit;
  readonly #hasShards: boolean;

  constructor(store: Store, options: CircuitOptions) {
    this.#store = store;
    this.#options = options;
    this.#hasShards = typeof store.shardOf === 'function';
    this.#whole = new Circuit('', options);
    if (!this.#hasShards) this.#byName.set('', this.#whole);
  }

  of(account: string): Circuit {
    return this.#hasShards ? this.#named(this.#shardOf(account)) : this.#whole;
  }

  /** For the counters of a charge, some of which may belong to other accounts than its own. */
  ofCharge(account: string, counters: readonly CounterSpec[]): CallCircuit {
    const own = this.of(account);
    if (!this.#hasShards) return own;
    let all: Map<Circuit, string> | undefined;
    for (const { account: other } of counters) {
      if (other === undefined) continue;
      const circuit = this.of(other);
      if (circuit === own) continue;
      all ??= new Map([[own, account]]);
      if (!all.has(circuit)) all.set(circuit, other);
    }
    return all === undefined ? own : new JointCircuit(all);
  }

  all(): Circuit[] {
    return [...this.#byName.values()];
  }

  #shardOf(account: string): string {
    try {
      const name: unknown = this.#store.shardOf?.(account);
      return typeof name === 'string' ? name : '';
    } catch {
      return '';
    }
  }

  #named(name: string): Circuit {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    if (this.#byName.size >= MAX_CIRCUITS) {
      const idle = this.all().find((circuit) => !circuit.isOpen && circuit !== this.#whole);
      if (idle !== undefined) this.#byName.delete(idle.name);
      else if (name !== '') return this.#named('');
    }
    const circuit = name === '' ? this.#whole : new Circuit(name, this.#options);
    this.#byName.set(name, circuit);
    return circuit;
  }
}

const FAILURES_TO_OPEN = 5;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
/** More shards than any cluster has masters. */
const MAX_CIRCUITS = 1024;
