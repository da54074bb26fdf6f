import { wallClock } from '../clock.js';
import type { Suspension } from '../policy/index.js';
import { causeInWords } from '../warnings.js';
import type { Circuits } from './circuit.js';

/** A shard of the store that is down. */
export interface ShardHealth {
  /** The name from the store's `shardOf`; `''` for a store without shards. */
  readonly name: string;
  readonly state: 'down';
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** The message of the latest failure. */
  readonly lastError?: string;
  /** Its innermost cause: what the server or the network answered, such as `connect ECONNREFUSED 127.0.0.1:6379`. */
  readonly cause?: string;
}

/** The state of a limiter's store. Counts are since the limiter was made. */
export interface Health {
  /** `'partly-down'`: some shards of the store answer and some do not. */
  readonly state: 'up' | 'partly-down' | 'down';
  /** Since when the state is the same: milliseconds since the epoch. */
  readonly since: number;
  /** The shards that are down. */
  readonly shards: readonly ShardHealth[];
  /** Calls of the store that failed or came too late, probes included. */
  readonly failures: number;
  /** Charges that were decided in the memory of this process. */
  readonly decidedLocally: number;
  /** Charges that passed uncounted by the policy's `'allow'`. */
  readonly allowedUnchecked: number;
  /** Charges that the policy's `'deny'` refused, or would have refused if limits were not only observed. */
  readonly deniedUnchecked: number;
  /** Set while limiting is suspended, and every request passes. */
  readonly suspended?: Suspension;
  /** Local admissions that the store has to count later; in charges. */
  readonly writeBack: {
    readonly pending: number;
    readonly written: number;
    /**
     * Charges that the store may never count: there was no room to remember them, or their record was lost on its way.
     */
    readonly dropped: number;
  };
}

/** Derives the state of the store from its circuits. */
export class HealthReport {
  readonly #circuits: Circuits;
  readonly #onChange: () => void;
  #state: Health['state'] = 'up';
  #since: number = wallClock();
  #down = '[]';
  /** Whether the program has closed the store. Its circuits are closed then, so that the next charge reports it. */
  isStoreClosed = false;

  /** `onChange` is called after the state or the set of shards that are down has changed. */
  constructor(circuits: Circuits, onChange: () => void) {
    this.#circuits = circuits;
    this.#onChange = onChange;
  }

  get state(): Health['state'] {
    return this.#state;
  }

  get since(): number {
    return this.#since;
  }

  shards(): ShardHealth[] {
    return this.#circuits
      .all()
      .filter(({ isOpen }) => isOpen)
      .map(({ name, since, lastError }) => {
        if (lastError === undefined) return { name, state: 'down', since };
        const { message, cause } = lastError;
        const words = cause === undefined ? {} : { cause: causeInWords(cause) };
        return { name, state: 'down', since, lastError: message, ...words };
      });
  }

  /** A circuit has opened, closed, or had its first answer. */
  changed(): void {
    const known = this.#circuits.all().filter(({ isKnown }) => isKnown);
    const open = known.filter(({ isOpen }) => isOpen);
    const state = open.length === 0 ? 'up' : open.length < known.length ? 'partly-down' : 'down';
    const down = JSON.stringify(open.map(({ name }) => name));
    if (state === this.#state && down === this.#down) return;
    if (state !== this.#state) this.#since = wallClock();
    this.#state = state;
    this.#down = down;
    this.#onChange();
  }
}
