import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { ReceiptClaims } from '../store/index.js';

/** The used receipts of a memory store that were written as text. Their texts end with the process. */
export class MemoryClaims implements ReceiptClaims {
  readonly key: string = randomBytes(32).toString('base64url');
  readonly #clock: Clock;
  /** By id: the instant from which the claim no longer matters. */
  readonly #claimed = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  claim(_account: string, id: string, forMs: number): boolean {
    if (this.#claimed.has(id)) return false;
    const now = this.#clock();
    if (this.#claimed.size >= MAX_CLAIMS) this.#sweep(now);
    // Without room the receipt is not accepted, since nothing would keep it from being used again.
    if (this.#claimed.size >= MAX_CLAIMS) return false;
    this.#claimed.set(id, now + forMs);
    return true;
  }

  #sweep(now: number): void {
    for (const [id, until] of this.#claimed) if (until <= now) this.#claimed.delete(id);
  }
}

const MAX_CLAIMS = 100_000;
