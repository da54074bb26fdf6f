import type { Policy, RateLimiter } from '@tollgate/core';
import { type ParsedPolicy, PolicyFileError, parsePolicy, readPolicyFile } from '../parse/index.js';
import { FileEvents } from './file-events.js';
import { FedLimiters } from './policy-subscribers.js';

export interface PolicyWatchSettings {
  readonly maxBytes: number | undefined;
  readonly pollMs: number;
  readonly settleMs: number;
  /** Neither of them throws. */
  onPolicy(parsed: ParsedPolicy): void;
  onError(error: PolicyFileError): void;
}

/** What a file held when it was read: its text, or why it could not be read. */
type Content = string | PolicyFileError;

/** The policy that a file holds, as the file changes; made by {@link watchPolicyFile}. */
export class PolicyWatch {
  readonly #path: string;
  readonly #settings: PolicyWatchSettings;
  readonly #events: FileEvents;
  readonly #poll: NodeJS.Timeout;
  readonly #limiters = new FedLimiters();
  #parsed: ParsedPolicy;
  /** The text of the policy in force. */
  #text: string;
  #error: PolicyFileError | undefined;
  /** What {@link error} is about. */
  #refused: Content | undefined;
  /** What the file held when it was last read, if that was neither in force nor refused. */
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
    this.#events = new FileEvents(path, () => this.#look());
    this.#poll = setInterval(() => this.#look(), settings.pollMs).unref();
    this.#look();
  }

  /** The policy in force: that of the last file that could be used. */
  get policy(): Policy {
    return this.#parsed.policy;
  }

  /** The policy in force, with what the file says, and where. */
  get parsed(): ParsedPolicy {
    return this.#parsed;
  }

  /** Why the file as it is now is not in force; `undefined` while it is. */
  get error(): PolicyFileError | undefined {
    return this.#error;
  }

  /**
   * Gives a limiter the policy in force, and each that follows, until the limiter or the watch is closed. Returns what stops
   * that. A limiter that cannot use a later policy keeps the one that it has, and `onError` is told.
   *
   * @throws TypeError `TOLLGATE_OPTION_TYPE` when `limiter` is none, `TOLLGATE_OPTION_CONFLICT` when it cannot use the policy:
   * see {@link RateLimiter.setPolicy}.
   */
  feed(limiter: RateLimiter): () => void {
    return this.#limiters.add(limiter, this.policy);
  }

  /** Stops watching. Limiters keep the policy that they have. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#limiters.clear();
    clearTimeout(this.#timer);
    clearInterval(this.#poll);
    await this.#events.close();
  }

  /** Something may have changed. However many signs there are of it, the file is read after the last one. */
  #look(): void {
    if (this.#closed || this.#timer !== undefined) return;
    if (this.#reading) this.#readAgain = true;
    else void this.#read();
  }

  async #read(): Promise<void> {
    this.#reading = true;
    this.#readAgain = false;
    // Watched first, then read: a change between the two is then one that is seen.
    await this.#events.follow();
    const content = await readPolicyFile(this.#path, this.#settings.maxBytes).catch((error: PolicyFileError) => error);
    this.#reading = false;
    if (this.#closed) return;
    const isSettled = this.#take(content);
    if (isSettled && !this.#readAgain) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#read();
    }, this.#settings.settleMs).unref();
  }

  /** A file that is being written is not yet what it will be, so what is new counts once it is found twice in a row. */
  #take(content: Content): boolean {
    const before = this.#unsettled;
    this.#unsettled = undefined;
    if (isSame(content, this.#text)) {
      this.#refused = undefined;
      this.#error = undefined;
    } else if (isSame(content, before)) {
      this.#use(content);
    } else if (!isSame(content, this.#refused)) {
      this.#unsettled = content;
      return false;
    }
    return true;
  }

  #use(content: Content): void {
    try {
      if (typeof content !== 'string') throw content;
      this.#parsed = parsePolicy(content, { file: this.#path });
    } catch (error) {
      this.#refused = content;
      this.#error = error as PolicyFileError;
      this.#settings.onError(this.#error);
      return;
    }
    this.#text = content;
    this.#refused = undefined;
    this.#error = undefined;
    for (const error of this.#limiters.give(this.policy)) {
      this.#settings.onError(new PolicyFileError(this.#path, `${this.#path} ${error.message}`, { cause: error }));
    }
    this.#settings.onPolicy(this.#parsed);
  }
}

function isSame(one: Content, other: Content | undefined): boolean {
  if (typeof one === 'string' || typeof other === 'string') return one === other;
  return one.message === other?.message;
}
