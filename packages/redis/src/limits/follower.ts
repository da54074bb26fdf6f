import { wallClock } from '@tollgate/core/kit';
import type { Connection } from '../connection.js';
import type { ConnectionWait } from '../connection-wait.js';
import type { LimitsCopy } from './limits-copy.js';
import type { LimitsReader } from './limits-reader.js';

export interface FollowerOptions {
  readonly refreshMs: number;
  readonly timeoutMs: number;
  /** Redis has confirmed the copy. */
  readonly confirmed: () => void;
  /** The copy has changed: whose limits are others now. */
  readonly limitsChanged: (accounts: readonly string[]) => void;
  readonly suspensionChanged: () => void;
}

/** Keeps the copy up to date by asking Redis what has changed: again and again, and at once where there is a hint. */
export class Follower {
  readonly #connection: Connection;
  readonly #wait: ConnectionWait;
  readonly #reader: LimitsReader;
  readonly #copy: LimitsCopy;
  readonly #options: FollowerOptions;
  readonly #timer: NodeJS.Timeout;
  #hint: NodeJS.Timeout | undefined;
  /** The read that is under way, and the one after it. */
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #startedAt = 0;
  #confirmedAt = 0;
  #awaitsConnection = false;
  #closed = false;
  #failure: string | undefined;
  /** Since the epoch, when the copy was last found to be what Redis holds. */
  loadedAt: number | undefined;
  /** Redis holds no limits, although it did. */
  isLost = false;
  reads = 0;

  constructor(
    connection: Connection,
    wait: ConnectionWait,
    reader: LimitsReader,
    copy: LimitsCopy,
    options: FollowerOptions,
  ) {
    this.#connection = connection;
    this.#wait = wait;
    this.#reader = reader;
    this.#copy = copy;
    this.#options = options;
    this.#timer = setInterval(() => {
      if (this.#running === undefined) void this.refresh();
    }, options.refreshMs).unref();
    void this.refresh();
  }

  /** Whether Redis has not confirmed the copy for longer than the next read may take. */
  get isStale(): boolean {
    const { refreshMs, timeoutMs } = this.#options;
    return this.#failure !== undefined || performance.now() - this.#confirmedAt > refreshMs + timeoutMs;
  }

  /** Why the latest read has failed, or that it has not been answered. */
  get failure(): string | undefined {
    const { timeoutMs } = this.#options;
    const isLate = this.#running !== undefined && performance.now() - this.#startedAt > timeoutMs;
    return this.#failure ?? (isLate ? `Redis did not answer within ${timeoutMs} ms` : undefined);
  }

  /**
   * Brings the copy up to date with all that was so when it is called. There are never two reads under way: calls that come
   * during one share the next. Never rejects.
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

  /** Something may have changed. Hints that come together, as of many changes, lead to one read. */
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
  }

  async #read(): Promise<void> {
    if (this.#closed) return;
    if (!this.#connection.ready) {
      this.#failure = 'There is no connection to Redis';
      if (this.#awaitsConnection) return;
      this.#awaitsConnection = true;
      this.#wait.next().then(() => {
        this.#awaitsConnection = false;
        void this.refresh();
      });
      return;
    }
    this.#startedAt = performance.now();
    this.reads++;
    const { suspension } = this.#copy;
    try {
      const { changed, isEmpty } = await this.#reader.read();
      if (this.#closed) return;
      this.#failure = undefined;
      this.#lose(isEmpty && this.#copy.version.number > 0);
      this.#confirm();
      if (changed.length > 0) this.#options.limitsChanged(changed);
      if (suspension !== this.#copy.suspension) this.#options.suspensionChanged();
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
    }
  }

  #confirm(): void {
    this.#confirmedAt = performance.now();
    this.loadedAt = wallClock();
    this.#options.confirmed();
  }

  #lose(isLost: boolean): void {
    if (isLost && !this.isLost) process.emitWarning(LOST, { code: 'TOLLGATE_LIMITS_LOST' });
    this.isLost = isLost;
  }
}

/** How long a hint waits for others. */
const GATHER_MS = 10;

const LOST =
  'Redis has lost the limits that it held. This process keeps the last ones that it knows, until others are set there';
