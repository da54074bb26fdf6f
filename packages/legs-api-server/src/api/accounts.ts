import type { Receipt } from '@tollgate/core';
import { entryOf } from '@tollgate/core/kit';

export type Collection = 'legs' | 'bridges';

export interface Event {
  readonly event_name: string;
  readonly event_time: string;
}

/** A leg or a bridge. */
export interface Resource {
  readonly sid: string;
  readonly createdTime: string;
  status: string;
  /** The fields of the client's requests that are kept. */
  details: Readonly<Record<string, string>>;
  /** The latest events, oldest first. */
  readonly events: Event[];
  /** Of the minutes that are reserved for it. */
  readonly minutes: Receipt | undefined;
}

/** The legs and bridges of every account, in memory. All of it is bounded; the oldest entries are dropped first. */
export class Accounts {
  readonly #accounts = new BoundedMap<string, Record<Collection, BoundedMap<string, Resource>>>(MAX_ACCOUNTS);

  find(account: string, collection: Collection, sid: string): Resource | undefined {
    return this.#accounts.get(account)?.[collection].get(sid);
  }

  add(account: string, collection: Collection, resource: Resource): void {
    const collections = entryOf(this.#accounts, account, () => ({
      legs: new BoundedMap<string, Resource>(MAX_RESOURCES),
      bridges: new BoundedMap<string, Resource>(MAX_RESOURCES),
    }));
    collections[collection].set(resource.sid, resource);
  }
}

export function addEvent(resource: Resource, event: Event): void {
  resource.events.push(event);
  if (resource.events.length > MAX_EVENTS) resource.events.shift();
}

/** A map of at most `capacity` entries. A new entry replaces the oldest one of a full map. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): void {
    if (this.#entries.size >= this.#capacity && !this.#entries.has(key)) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(key, value);
  }
}

const MAX_ACCOUNTS = 100;
const MAX_RESOURCES = 2000;
const MAX_EVENTS = 50;
