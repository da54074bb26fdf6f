import { BoundedMap } from './bounded-map.js';

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
  /** What the client said of it, as far as it is kept. */
  details: Readonly<Record<string, string>>;
  /** The latest events, oldest first. */
  readonly events: Event[];
}

/** The legs and bridges of every account, in memory. All of it is bounded, and what is oldest goes first. */
export class Accounts {
  readonly #accounts = new BoundedMap<string, Record<Collection, BoundedMap<string, Resource>>>(MAX_ACCOUNTS);

  find(account: string, collection: Collection, sid: string): Resource | undefined {
    return this.#accounts.get(account)?.[collection].get(sid);
  }

  add(account: string, collection: Collection, resource: Resource): void {
    let collections = this.#accounts.get(account);
    if (collections === undefined) {
      collections = { legs: new BoundedMap(MAX_RESOURCES), bridges: new BoundedMap(MAX_RESOURCES) };
      this.#accounts.set(account, collections);
    }
    collections[collection].set(resource.sid, resource);
  }
}

export function addEvent(resource: Resource, event: Event): void {
  resource.events.push(event);
  if (resource.events.length > MAX_EVENTS) resource.events.shift();
}

const MAX_ACCOUNTS = 100;
const MAX_RESOURCES = 2000;
const MAX_EVENTS = 50;
