import type { Clock } from '@tollgate/core';
import { causeInWords, OutageWarnings, wallClock, warn, within } from '@tollgate/core/kit';
import type { Connection } from '../connection.js';
import type { LimitsCopy } from './limits-copy.js';
import type { LimitsReader } from './limits-reader.js';

interface FollowerOptions {
  readonly refreshMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Of the keys, for warnings. */
  readonly prefix: string;
  /** The copy has other limits now, for these accounts. */
  readonly limitsChanged: (accounts: readonly string[]) => void;
  readonly suspensionChanged: () => void;
}

/**
 * Keeps the copy up to date: asks Redis for changes at intervals, and at once after a hint. Warns while that fails for
 * longer than one read may take.
 */
export class Follower {
  readonly #connection: Connection;
  readonly #reader: LimitsReader;
  readonly #copy: LimitsCopy;
  readonly #options: FollowerOptions;
  readonly #timer: NodeJS.Timeout;
  readonly firstLoad: FirstLoad;
  #hint: NodeJS.Timeout | undefined;
  /** The read in flight, and the one after it. */
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #startedAt = 0;
  #confirmedAt: number;
  #closed = false;
  /** Of the latest read. */
  #error: unknown;
  /** How often in a row the timer has found that a read is overdue. */
  #overdue = 0;
  readonly #warnings: OutageWarnings;
  /** When Redis last confirmed the copy, since the epoch. */
  loadedAt: number | undefined;
  /** Redis has no limits, although it had some. */
  isLost = false;
  reads = 0;

  constructor(connection: Connection, reader: LimitsReader, copy: LimitsCopy, options: FollowerOptions) {
    this.#connection = connection;
    this.#reader = reader;
    this.#copy = copy;
    this.#options = options;
    this.firstLoad = new FirstLoad(options.timeoutMs);
    this.#confirmedAt = options.clock();
    this.#warnings = new OutageWarnings('TOLLGATE_LIMITS_STALE', 'TOLLGATE_LIMITS_FRESH', options.clock);
    this.#timer = setInterval(() => this.#ask(), options.refreshMs).unref();
    void this.refresh();
  }

  /** Whether Redis has not confirmed the copy for longer than the next read may take. */
  get isStale(): boolean {
    return this.#error !== undefined || this.#isOverdue;
  }

  /** Why the latest read has failed, or that it takes too long. */
  get error(): unknown {
    return this.#error ?? (this.#isLate ? this.#lateness() : undefined);
  }

  /**
   * Brings the copy up to date with all changes before this call. One read at a time is in flight: calls during a read
   * share the next one. Never rejects.
   */
  refresh(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#read().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.refresh();
    });
    return this.#next;
  }

  /** Something may have changed. Hints in quick succession lead to one read. */
  hint(): void {
    this.#hint ??= setTimeout(() => {
      this.#hint = undefined;
      void this.refresh();
    }, GATHER_MS).unref();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#hint);
    this.#connection.forget(this.#reconnected);
    this.firstLoad.finish();
  }

  get #isOverdue(): boolean {
    const { refreshMs, timeoutMs, clock } = this.#options;
    return clock() - this.#confirmedAt > refreshMs + timeoutMs;
  }

  get #isLate(): boolean {
    const { timeoutMs, clock } = this.#options;
    return this.#running !== undefined && clock() - this.#startedAt > timeoutMs;
  }

  #lateness(): Error {
    return new Error(`Redis did not answer within ${this.#options.timeoutMs} ms`);
  }

  #ask(): void {
    if (this.#running === undefined) void this.refresh();
    if (!this.#isOverdue) {
      this.#overdue = 0;
      return;
    }
    this.#connection.heal();
    // After a stall of the process one read at least has to fail.
    if (++this.#overdue < 2) return;
    const { prefix } = this.#options;
    const meanwhile = this.loadedAt === undefined ? 'The policy alone applies' : 'The last ones that were read apply';
    this.#warnings.failed(
      causeInWords(this.error ?? this.#lateness()),
      (cause) => `The limits on Redis (${prefix}) cannot be followed: ${cause}. ${meanwhile} until they can`,
    );
  }

  async #read(): Promise<void> {
    if (this.#closed) return;
    this.#startedAt = this.#options.clock();
    if (!this.#connection.ready) {
      this.#error = this.#connection.noConnection();
      this.#connection.whenReady(this.#reconnected);
      return;
    }
    this.reads++;
    const { suspension } = this.#copy;
    try {
      const { changed, isEmpty } = await this.#reader.read();
      if (this.#closed) return;
      this.#error = undefined;
      this.#lose(isEmpty && this.#copy.version.number > 0);
      this.#confirm();
      if (changed.length > 0) this.#options.limitsChanged(changed);
      if (suspension !== this.#copy.suspension) this.#options.suspensionChanged();
    } catch (error) {
      this.#error = error;
    }
  }

  readonly #reconnected = (): void => void this.refresh();

  #confirm(): void {
    this.#confirmedAt = this.#options.clock();
    this.loadedAt = wallClock();
    this.#warnings.works(`The limits on Redis (${this.#options.prefix}) are followed again`);
    this.firstLoad.finish();
  }

  #lose(isLost: boolean): void {
    if (isLost && !this.isLost) warn('TOLLGATE_LIMITS_LOST', LOST);
    this.isLost = isLost;
  }
}

/** How long a hint waits for more. */
const GATHER_MS = 10;

const LOST = 'Redis has lost its limits. This process keeps the last ones that it has read, until others are set there';

/** The wait for the first load. Requests wait for it too, but only until `timeoutMs` after the start of the process. */
class FirstLoad {
  /** Resolves with the first load, however late, or with `close`. */
  readonly done: Promise<void>;
  /** Resolves with the first load, or when requests have waited long enough. */
  readonly awaited: Promise<void>;
  isAwaited = true;
  #resolve: () => void = () => {};

  constructor(timeoutMs: number) {
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const giveUp = () => {
      this.isAwaited = false;
    };
    this.awaited = within(this.done, timeoutMs, giveUp, { unref: true });
  }

  finish(): void {
    this.isAwaited = false;
    this.#resolve();
  }
}
