import { wallClock } from '../clock.js';
import type { Suspension } from '../policy/index.js';
import type { Circuits } from './circuits.js';

/** A part of the store that does not answer. */
export interface ShardHealth {
  /** As the store's `shardOf` names it; `''` for a store that is one whole. */
  readonly name: string;
  readonly state: 'down';
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** The message of the latest failure. */
  readonly lastError?: string;
}

/** How a limiter gets on with its store. The counts are since the limiter was made. */
export interface Health {
  /** `'partly-down'`: some parts of the store answer and some do not. */
  readonly state: 'up' | 'partly-down' | 'down';
  /** Since when that is so: milliseconds since the epoch. */
  readonly since: number;
  /** The parts that are down. */
  readonly shards: readonly ShardHealth[];
  /** Calls of the store that failed or came too late, the probes among them. */
  readonly failures: number;
  /** Charges that were decided in the memory of this process. */
  readonly decidedLocally: number;
  /** Charges that passed because the policy says `'allow'`. */
  readonly allowedUnchecked: number;
  /** Charges that were turned away because the policy says `'deny'`, or would have been, had they not been observed. */
  readonly deniedUnchecked: number;
  /** Set while limiting is suspended, and everyone let through. */
  readonly suspended?: Suspension;
  /** What was admitted locally and is owed to the store, counted in charges. */
  readonly writeBack: {
    readonly pending: number;
    readonly written: number;
    /** Those that the store may never have counted: there was no room to remember them, or no telling what became of them. */
    readonly dropped: number;
  };
}

/** Follows the state of the store. */
export class HealthWatch {
  readonly #circuits: Circuits;
  readonly #changed: () => void;
  #state: Health['state'] = 'up';
  #since: number = wallClock();
  #down = '[]';

  /** `changed` is called when it has. */
  constructor(circuits: Circuits, changed: () => void) {
    this.#circuits = circuits;
    this.#changed = changed;
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
        const shard = { name, state: 'down' as const, since };
        return lastError === undefined ? shard : { ...shard, lastError: lastError.message };
      });
  }

  /** A part has gone, come back, or been heard of for the first time. */
  changed(): void {
    const known = this.#circuits.all().filter(({ isKnown }) => isKnown);
    const open = known.filter(({ isOpen }) => isOpen);
    const state = open.length === 0 ? 'up' : open.length < known.length ? 'partly-down' : 'down';
    const down = JSON.stringify(open.map(({ name }) => name));
    if (state === this.#state && down === this.#down) return;
    if (state !== this.#state) this.#since = wallClock();
    this.#state = state;
    this.#down = down;
    this.#changed();
  }
}
