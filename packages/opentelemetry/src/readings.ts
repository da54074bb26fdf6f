/** What can be read of something: what it has counted so far, and how it stands. */
export interface Reading<Totals, Current> {
  readonly totals: Totals;
  readonly current: Current;
}

type Numbers = Readonly<Record<string, number>>;

/**
 * Reads things that come and go, and adds up those of one name. What one has counted stays counted when it is gone, since a
 * total that falls would be taken for a restart. Nothing here keeps a thing alive.
 */
export class Readings<Thing extends object, Totals extends Numbers, Current extends Numbers> {
  readonly #read: (thing: Thing) => Reading<Totals, Current>;
  readonly #known = new WeakSet<Thing>();
  readonly #watched = new Set<Watched<Thing, Totals>>();
  readonly #gone = new Map<string, Totals>();

  constructor(read: (thing: Thing) => Reading<Totals, Current>) {
    this.#read = read;
  }

  /** Watches a thing from now on, unless it is watched already. */
  add(name: string, thing: Thing): void {
    if (this.#known.has(thing)) return;
    this.#known.add(thing);
    this.#watched.add({ name, thing: new WeakRef(thing), totals: undefined });
  }

  /** Reads a thing for the last time. */
  remove(thing: Thing): void {
    for (const watched of this.#watched) {
      if (watched.thing.deref() !== thing) continue;
      this.#readOne(watched, thing);
      this.#retire(watched);
    }
  }

  /** By name, the totals of all that there ever were, and the standing of those that there are, each by itself. */
  collect(each: (name: string, totals: Totals | undefined, current: readonly Current[]) => void): void {
    const totals = new Map(this.#gone);
    const current = new Map<string, Current[]>();
    for (const watched of [...this.#watched]) {
      const { name } = watched;
      const thing = watched.thing.deref();
      const stands = thing && this.#readOne(watched, thing);
      if (thing === undefined) this.#retire(watched);
      if (watched.totals !== undefined) totals.set(name, sum(totals.get(name), watched.totals));
      if (stands !== undefined) current.set(name, [...(current.get(name) ?? []), stands]);
    }
    for (const name of new Set([...totals.keys(), ...current.keys()])) {
      each(name, totals.get(name), current.get(name) ?? []);
    }
  }

  /** One that can no longer be read, such as a store that was closed, has counted what it had. */
  #readOne(watched: Watched<Thing, Totals>, thing: Thing): Current | undefined {
    try {
      const { totals, current } = this.#read(thing);
      watched.totals = totals;
      return current;
    } catch {
      return undefined;
    }
  }

  #retire(watched: Watched<Thing, Totals>): void {
    this.#watched.delete(watched);
    if (watched.totals !== undefined) {
      this.#gone.set(watched.name, sum(this.#gone.get(watched.name), watched.totals));
    }
  }
}

interface Watched<Thing extends object, Totals> {
  readonly name: string;
  readonly thing: WeakRef<Thing>;
  totals: Totals | undefined;
}

function sum<Totals extends Numbers>(one: Totals | undefined, other: Totals): Totals {
  if (one === undefined) return other;
  const entries = Object.entries(other).map(([key, value]) => [key, (one[key] ?? 0) + value]);
  return Object.fromEntries(entries) as Totals;
}
