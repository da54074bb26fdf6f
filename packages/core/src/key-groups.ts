import { KeyMap } from './key-map.js';
import { ownCopy } from './names.js';

/**
 * Finds a counter's slot by its name and account. Counters of one name are a group with a key map of its own, so that no
 * key has to be put together from the two; a group lives while it has counters.
 */
export class KeyGroups {
  readonly #byName = new Map<string, Group>();
  readonly #byId: (Group | undefined)[] = [];
  readonly #freeIds: number[] = [];
  readonly #seed = (Math.random() * 2 ** 32) | 0;

  get names(): string[] {
    return [...this.#byName.keys()];
  }

  /** The slot, or −1. */
  find(name: string, account: string): number {
    return this.#byName.get(name)?.keys.get(account) ?? -1;
  }

  /** Adds a counter that is not there; returns the number of its group, by which it is deleted. */
  add(name: string, account: string, slot: number): number {
    let group = this.#byName.get(name);
    if (group === undefined) {
      group = { name: ownCopy(name), id: this.#freeIds.pop() ?? this.#byId.length, keys: new KeyMap(this.#seed) };
      this.#byName.set(group.name, group);
      this.#byId[group.id] = group;
    }
    group.keys.add(account, slot);
    return group.id;
  }

  delete(id: number, account: string): void {
    const group = this.#byId[id]!;
    group.keys.delete(account);
    if (group.keys.size > 0) return;
    this.#byName.delete(group.name);
    this.#byId[id] = undefined;
    this.#freeIds.push(id);
  }
}

interface Group {
  readonly name: string;
  readonly id: number;
  readonly keys: KeyMap;
}
