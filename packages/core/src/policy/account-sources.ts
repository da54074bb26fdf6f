import { isPromise, type MaybePromise } from '../promises.js';
import type { AccountLayer, AccountSource, Suspension } from './account-layer.js';

/** Sources of account layers, the first one's word before the others', none of which can hold a request for long. */
export class AccountSources {
  readonly #sources: readonly AccountSource[];
  readonly #timeoutMs: number;
  /** Questions that were not answered, or not in time. */
  failures = 0;

  constructor(sources: readonly AccountSource[], timeoutMs: number) {
    this.#sources = sources;
    this.#timeoutMs = timeoutMs;
  }

  get isEmpty(): boolean {
    return this.#sources.length === 0;
  }

  /** One that cannot tell is taken to suspend nothing. */
  get suspension(): Suspension | undefined {
    try {
      return this.#sources.find(({ suspension }) => suspension !== undefined)?.suspension;
    } catch {
      return undefined;
    }
  }

  /** Returns what stops it. */
  onSuspension(listener: () => void): () => void {
    const stops = this.#sources.map((source) => source.onSuspension?.(listener));
    return () => {
      for (const stop of stops) stop?.();
    };
  }

  layerOf(account: string, from = 0): MaybePromise<AccountLayer | undefined> {
    for (let index = from; index < this.#sources.length; index++) {
      const answer = this.#ask(this.#sources[index]!, account);
      if (isPromise(answer)) return answer.then((layer) => layer ?? this.layerOf(account, index + 1));
      // A database says null where it knows nothing, whether or not it is waited for.
      if (answer !== undefined && answer !== null) return answer;
    }
    return undefined;
  }

  #ask(source: AccountSource, account: string): MaybePromise<AccountLayer | undefined> {
    try {
      const answer = source.layerOf(account);
      return isPromise(answer) ? this.#wait(answer) : answer;
    } catch {
      this.failures++;
      return undefined;
    }
  }

  #wait(answer: Promise<AccountLayer | undefined>): Promise<AccountLayer | undefined> {
    return new Promise((resolve) => {
      const fail = () => {
        clearTimeout(timer);
        this.failures++;
        resolve(undefined);
      };
      const timer = setTimeout(fail, this.#timeoutMs);
      answer.then((layer) => {
        clearTimeout(timer);
        resolve(layer);
      }, fail);
    });
  }
}
