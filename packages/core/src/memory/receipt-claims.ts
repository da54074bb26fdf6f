import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import { StoreError } from '../errors.js';
import type { ReceiptClaims } from '../store/index.js';

/** The used receipts of a memory store that were written as text. Their texts end with the process. */
export class MemoryClaims implements ReceiptClaims {
  readonly key: string = randomBytes(32).toString('base64url');
  readonly #clock: Clock;
  /** By id: the instant from which the claim no longer matters. */
  readonly #claimed = new Map<string, number>();
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  claim(_account: string, id: string, forMs: number): boolean {
    if (this.#claimed.has(id)) return false;
    const now = this.#clock();
    if (this.#claimed.size >= MAX_CLAIMS) this.#sweep(now);
    if (this.#claimed.size >= MAX_CLAIMS) {
      throw new StoreError(`${MAX_CLAIMS} used texts of receipts are remembered, and there is no room for another`, {
        charged: 'no',
        concerns: 'charge',
      });
    }
    this.#claimed.set(id, now + forMs);
    return true;
  }

  /** Rarely, since it looks at all of them. */
  #sweep(now: number): void {
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return;
    this.#sweptAt = now;
    for (const [id, until] of this.#claimed) if (until <= now) this.#claimed.delete(id);
  }
}

const MAX_CLAIMS = 100_000;
const SWEEP_EVERY_MS = 1000;
