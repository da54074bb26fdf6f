import { StoreError, wallClock } from '@tollgate/core';
import { type Connection, Script } from '../connection.js';
import type { LimitsCopy } from './limits-copy.js';
import type { LimitsKeys } from './limits-keys.js';
import { CHANGES_SINCE_SCRIPT } from './scripts/changes-since.js';

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
  readonly #keys: LimitsKeys;
  readonly #copy: LimitsCopy;
  readonly #options: FollowerOptions;
  readonly #timer: NodeJS.Timeout;
  #hint: NodeJS.Timeout | undefined;
  /** The read that is under way, and the one after it. */
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #askedAt = 0;
  #confirmedAt = 0;
  #awaitsConnection = false;
  #closed = false;
  #failure: string | undefined;
  /** Since the epoch, when the copy was last found to be what Redis holds. */
  loadedAt: number | undefined;
  /** Redis holds no limits, although it did. */
  isLost = false;
  reads = 0;

  constructor(connection: Connection, keys: LimitsKeys, copy: LimitsCopy, options: FollowerOptions) {
    this.#connection = connection;
    this.#keys = keys;
    this.#copy = copy;
    this.#options = options;
    this.#timer = setInterval(() => void this.#refreshUnlessReading(), options.refreshMs).unref();
    void this.refresh();
  }

  /** Whether Redis has not confirmed the copy for longer than the next read may take. */
  get isStale(): boolean {
    const { refreshMs, timeoutMs } = this.#options;
    return this.#failure !== undefined || performance.now() - this.#confirmedAt > refreshMs + timeoutMs;
  }

  /** Why the latest read has failed, or has not been answered. */
  get failure(): string | undefined {
    const { timeoutMs } = this.#options;
    const isLate = this.#running !== undefined && performance.now() - this.#askedAt > timeoutMs;
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
    this.#connection.forget(this.#connected);
  }

  readonly #connected = (): void => {
    this.#awaitsConnection = false;
    void this.refresh();
  };

  #refreshUnlessReading(): void {
    if (this.#running === undefined) void this.refresh();
  }

  async #read(): Promise<void> {
    if (this.#closed) return;
    if (!this.#connection.ready) {
      this.#failure = 'There is no connection to Redis';
      if (this.#awaitsConnection) return;
      this.#awaitsConnection = true;
      this.#connection.whenReady(this.#connected);
      return;
    }
    this.#askedAt = performance.now();
    try {
      await this.#apply(await this.#ask(String(this.#copy.version), this.#copy.token));
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
    }
  }

  #ask(version: string, token: string): Promise<readonly unknown[]> {
    this.reads++;
    return this.#connection.run(CHANGES_SINCE, this.#keys.both, [version, token]) as Promise<readonly unknown[]>;
  }

  async #apply(reply: readonly unknown[]): Promise<void> {
    if (this.#closed) return;
    const [kind, latest, told] = Array.isArray(reply) ? reply : [];
    const { suspension } = this.#copy;
    let changed: readonly string[] | undefined = [];
    if (kind === 'changes' && isVersion(latest) && Array.isArray(told)) {
      changed = this.#copy.follow(latest, told);
      if (changed === undefined) return this.#apply(await this.#ask('0', ''));
    } else if (kind === 'all' && isVersion(latest) && Array.isArray(told)) {
      changed = await this.#copy.replace(latest, told);
    } else if (kind !== 'same' && kind !== 'none') {
      throw wrongShape();
    }
    this.#lose(kind === 'none' && this.#copy.version > 0);
    this.#confirmedAt = performance.now();
    this.loadedAt = wallClock();
    this.#options.confirmed();
    if (changed.length > 0) this.#options.limitsChanged(changed);
    if (suspension !== this.#copy.suspension) this.#options.suspensionChanged();
  }

  #lose(isLost: boolean): void {
    if (isLost && !this.isLost) process.emitWarning(LOST, { code: 'TOLLGATE_LIMITS_LOST' });
    this.isLost = isLost;
  }
}

const CHANGES_SINCE = new Script(CHANGES_SINCE_SCRIPT);

/** How long a hint waits for others. */
const GATHER_MS = 10;

const LOST =
  'Redis has lost the limits that it held. This process keeps the last ones that it knows until others are set';

function isVersion(latest: unknown): latest is string {
  return typeof latest === 'string' && /^[1-9]\d{0,15} [0-9a-f]{1,64}$/.test(latest);
}

function wrongShape(): StoreError {
  return new StoreError('Redis answered a read of the limits with a reply of the wrong shape', { charged: 'no' });
}
