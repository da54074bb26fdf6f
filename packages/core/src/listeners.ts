import { callSafely } from './callbacks.js';
import { checkFunction, checkOneOf } from './check.js';

/** Who wants to be told of what. `Events` says what is told with each event. One that fails touches no one else. */
export class Listeners<Events extends object> {
  readonly #byEvent: ReadonlyMap<keyof Events, Set<(told: never) => unknown>>;

  constructor(events: readonly (keyof Events)[]) {
    this.#byEvent = new Map(events.map((event) => [event, new Set()]));
  }

  on<E extends keyof Events>(event: E, listener: (told: Events[E]) => unknown): void {
    this.#of(event).add(checkFunction('listener', listener));
  }

  off<E extends keyof Events>(event: E, listener: (told: Events[E]) => unknown): void {
    this.#of(event).delete(listener);
  }

  has(event: keyof Events): boolean {
    return this.#of(event).size > 0;
  }

  tell<E extends keyof Events>(event: E, told: Events[E]): void {
    for (const listener of [...this.#of(event)]) {
      callSafely(`A listener of '${String(event)}'`, listener as (told: Events[E]) => unknown, told);
    }
  }

  clear(): void {
    for (const listeners of this.#byEvent.values()) listeners.clear();
  }

  #of(event: keyof Events): Set<(told: never) => unknown> {
    return this.#byEvent.get(checkOneOf('event', event, [...this.#byEvent.keys()]))!;
  }
}
