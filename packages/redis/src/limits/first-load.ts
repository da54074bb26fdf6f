/** The wait for the first load: requests wait for it too, but no longer than a while after the start of the process. */
export class FirstLoad {
  /** Resolves with the first load, however late, or when there will be none. */
  readonly done: Promise<void>;
  /** Resolves with the first load, or when requests have waited long enough. */
  readonly awaited: Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #finish: () => void = () => {};
  #giveUp: () => void = () => {};
  #isAwaited = true;

  constructor(timeoutMs: number) {
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.awaited = new Promise((resolve) => {
      this.#giveUp = () => {
        this.#isAwaited = false;
        resolve();
      };
    });
    this.#timer = setTimeout(this.#giveUp, timeoutMs).unref();
  }

  get isAwaited(): boolean {
    return this.#isAwaited;
  }

  finish(): void {
    clearTimeout(this.#timer);
    this.#giveUp();
    this.#finish();
  }
}
