import { callSafely, checkFunction } from '@tollgate/core/kit';

/** Who wants to be told of something. One that fails is reported, and touches neither the others nor who tells. */
export class Listeners<Told> {
  readonly #listeners = new Set<{ readonly listener: (told: Told) => unknown }>();
  readonly #what: string;

  /** `what` they are told of, for the report. */
  constructor(what: string) {
    this.#what = what;
  }

  /** Returns what ends it. */
  add(listener: (told: Told) => unknown): () => void {
    const added = { listener: checkFunction('listener', listener) };
    this.#listeners.add(added);
    return () => void this.#listeners.delete(added);
  }

  tell(told: Told): void {
    for (const { listener } of [...this.#listeners]) callSafely(`A listener of ${this.#what}`, listener, told);
  }

  clear(): void {
    this.#listeners.clear();
  }
}
