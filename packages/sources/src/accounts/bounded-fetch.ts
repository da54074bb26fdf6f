/**
 * A question that is under way. It ends in any case: when it is answered, when it fails, or when it has taken `abortMs`, which
 * aborts the signal that the one who was asked has got.
 */
export class Question<T> {
  readonly #controller = new AbortController();
  #waited: Promise<T | undefined> | undefined;
  #isOverdue = false;
  /** Set by the one who asks. It never rejects. */
  #done: Promise<T | undefined> = Promise.resolve(undefined);

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** `answered` and `failed` say what becomes of it, for all who wait. */
  begin<A>(answer: Promise<A>, abortMs: number, answered: (answer: A) => T, failed: (thrown: unknown) => T): void {
    const { signal } = this;
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    const late = () => this.abort(`There was no answer within ${abortMs} ms`);
    const timer = setTimeout(late, abortMs).unref();
    this.#done = Promise.race([answer, aborted])
      .finally(() => clearTimeout(timer))
      .then(answered)
      .catch(failed);
  }

  abort(why: string): void {
    this.#controller.abort(new Error(why));
  }

  /** What becomes of it; `undefined` once it has kept the first who waited for `timeoutMs`. All wait for the same end. */
  wait(timeoutMs: number): Promise<T | undefined> | undefined {
    if (this.#isOverdue) return undefined;
    this.#waited ??= new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#isOverdue = true;
        resolve(undefined);
      }, timeoutMs);
      this.#done.then((told) => {
        clearTimeout(timer);
        resolve(told);
      });
    });
    return this.#waited;
  }
}
