import type { Store } from '../store/index.js';
import { Circuit, type CircuitOptions } from './circuit.js';

/** A circuit for each part of the store that fails by itself. Most stores have one part. */
export class Circuits {
  readonly #store: Store;
  readonly #options: CircuitOptions;
  readonly #byName = new Map<string, Circuit>();
  /** Of a store that is one whole, and of whatever a store cannot name. */
  readonly #whole: Circuit;
  readonly #hasParts: boolean;

  constructor(store: Store, options: CircuitOptions) {
    this.#store = store;
    this.#options = options;
    this.#hasParts = typeof store.shardOf === 'function';
    this.#whole = new Circuit('', options);
    if (!this.#hasParts) this.#byName.set('', this.#whole);
  }

  of(account: string): Circuit {
    return this.#hasParts ? this.#named(this.#partOf(account)) : this.#whole;
  }

  all(): Circuit[] {
    return [...this.#byName.values()];
  }

  #partOf(account: string): string {
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

/** More parts than any cluster has masters: a store that names more has misunderstood. */
const MAX_CIRCUITS = 1024;
