import type { Policy, RateLimiter } from '@tollgate/core';
import { optionTypeError } from '@tollgate/core/kit';
import { type ParsedPolicy, PolicyFileError, parsePolicyAside, readPolicyFile } from '../parse/index.js';
import { FileEvents } from './file-events.js';

export interface PolicyWatchSettings {
  readonly maxBytes: number | undefined;
  readonly pollMs: number;
  readonly settleMs: number;
  /** Neither callback throws. */
  onPolicy(parsed: ParsedPolicy): void;
  onError(error: PolicyFileError): void;
}

/** The text of a file, or why it could not be read. */
type Content = string | PolicyFileError;

/** Follows the policy in a file. Made by {@link watchPolicyFile}. */
export class PolicyWatch {
  readonly #path: string;
  readonly #settings: PolicyWatchSettings;
  readonly #events: FileEvents;
  readonly #poll: NodeJS.Timeout;
  readonly #limiters = new Set<RateLimiter>();
  #parsed: ParsedPolicy;
  /** The text of the policy in force. */
  #text: string;
  #error: PolicyFileError | undefined;
  /** The content that {@link error} is about. */
  #refused: Content | undefined;
  /** New content that was read once. It counts when the next reading finds it again. */
  #unsettled: Content | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reading = false;
  #readAgain = false;
  #closed = false;

  constructor(path: string, text: string, parsed: ParsedPolicy, settings: PolicyWatchSettings) {
    this.#path = path;
    this.#text = text;
    this.#parsed = parsed;
    this.#settings = settings;
    this.#events = new FileEvents(path, () => this.#mayHaveChanged());
    this.#poll = setInterval(() => this.#mayHaveChanged(), settings.pollMs).unref();
    this.#mayHaveChanged();
  }

  /** The policy in force, from the last content of the file that could be used. */
  get policy(): Policy {
    return this.#parsed.policy;
  }

  /** The policy in force, with its options and their positions in the file. */
  get parsed(): ParsedPolicy {
    return this.#parsed;
  }

  /** Why the present content of the file is not in force; `undefined` when it is. */
  get error(): PolicyFileError | undefined {
    return this.#error;
  }

  /**
   * Gives a limiter the policy in force and each later one, until the limiter or the watch is closed. Returns a
   * function that ends this. A limiter that cannot use a later policy keeps its policy, and `onError` is called.
   *
   * @throws TypeError `TOLLGATE_OPTION_TYPE` when `limiter` is not a limiter, `TOLLGATE_OPTION_CONFLICT` when it cannot
   * use the policy: see {@link RateLimiter.setPolicy}.
   */
  feed(limiter: RateLimiter): () => void {
    if (typeof limiter?.setPolicy !== 'function') throw optionTypeError('limiter', 'a RateLimiter', limiter);
    if (limiter.policy !== this.policy) limiter.setPolicy(this.policy);
    this.#limiters.add(limiter);
    return () => {
      this.#limiters.delete(limiter);
    };
  }

  /** Stops watching. Limiters keep the policy that they have. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#limiters.clear();
    clearTimeout(this.#timer);
    clearInterval(this.#poll);
    await this.#events.close();
  }

  /** The file is read after the last event, however many events there are. */
  #mayHaveChanged(): void {
    if (this.#closed || this.#timer !== undefined) return;
    if (this.#reading) this.#readAgain = true;
    else void this.#read();
  }

  async #read(): Promise<void> {
    this.#reading = true;
    this.#readAgain = false;
    // Watching begins before reading, so that a change in between causes an event.
    await this.#events.follow();
    const content = await readPolicyFile(this.#path, this.#settings.maxBytes).catch((error: PolicyFileError) => error);
    const isSettled = this.#closed || (await this.#take(content));
    this.#reading = false;
    if (this.#closed) return;
    if (isSettled && !this.#readAgain) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#read();
    }, this.#settings.settleMs).unref();
  }

  /** Returns false for new content. It may be half written, so it counts only when it is read twice in a row. */
  async #take(content: Content): Promise<boolean> {
    const before = this.#unsettled;
    this.#unsettled = undefined;
    if (isSame(content, this.#text)) {
      this.#refused = undefined;
      this.#error = undefined;
    } else if (isSame(content, before)) {
      await this.#use(content);
    } else if (!isSame(content, this.#refused)) {
      this.#unsettled = content;
      return false;
    }
    return true;
  }

  async #use(content: Content): Promise<void> {
    try {
      if (typeof content !== 'string') throw content;
      const parsed = await parsePolicyAside(content, this.#path);
      if (this.#closed) return;
      this.#parsed = parsed;
    } catch (error) {
      if (this.#closed) return;
      this.#refused = content;
      this.#error = error as PolicyFileError;
      this.#settings.onError(this.#error);
      return;
    }
    this.#text = content;
    this.#refused = undefined;
    this.#error = undefined;
    for (const error of this.#updateLimiters()) this.#settings.onError(error);
    this.#settings.onPolicy(this.#parsed);
  }

  /** Returns an error for each limiter that cannot use the policy. */
  #updateLimiters(): PolicyFileError[] {
    const errors: PolicyFileError[] = [];
    for (const limiter of this.#limiters) {
      try {
        limiter.setPolicy(this.policy);
      } catch (thrown) {
        const cause = thrown as Error & { readonly code?: unknown };
        if (cause.code === 'TOLLGATE_CLOSED') this.#limiters.delete(limiter);
        else errors.push(new PolicyFileError(this.#path, `${this.#path} ${cause.message}`, { cause }));
      }
    }
    return errors;
  }
}

function isSame(one: Content, other: Content | undefined): boolean {
  if (typeof one === 'string' || typeof other === 'string') return one === other;
  return one.message === other?.message;
}
