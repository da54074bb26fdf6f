import { type Decision, ownerOf } from '../decision/index.js';
import type { RateLimiter } from '../limiter/index.js';
import { MemoryStore } from '../memory/index.js';
import { isPromise } from '../promises.js';
import { Quota, type QuotaOptions } from '../store/index.js';
import type { Optional } from './request-options.js';

/** The part of a Node response that a refund needs. */
export interface EndingResponse {
  readonly statusCode: number;
  once(event: 'finish', listener: () => void): unknown;
}

/** Refunds charges whose response finishes with a status that `refundWhen` accepts. */
export class Refunds {
  readonly #limiter: RateLimiter;
  readonly #refundWhen: (statusCode: number) => Optional<boolean>;
  readonly #budget: RefundBudget | undefined;

  /** `atMost` limits the refunds of each account or address; without it there is no limit. */
  constructor(
    limiter: RateLimiter,
    refundWhen: (statusCode: number) => Optional<boolean>,
    atMost: QuotaOptions | undefined,
  ) {
    this.#limiter = limiter;
    this.#refundWhen = refundWhen;
    this.#budget = atMost && new RefundBudget(atMost);
  }

  /**
   * Refunds the charge if the response finishes with such a status. The answer has left by then, so an error goes to
   * `onError`, and the charge stays.
   */
  onFinish(response: EndingResponse, decision: Decision, onError: (error: unknown) => void): void {
    const refundIf = (wanted: unknown) => (wanted ? this.#refund(decision) : false);
    response.once('finish', () => {
      try {
        const wanted = this.#refundWhen(response.statusCode);
        const refunded = isPromise(wanted) ? wanted.then(refundIf) : refundIf(wanted);
        if (isPromise(refunded)) refunded.catch(onError);
      } catch (error) {
        onError(error);
      }
    });
  }

  #refund(decision: Decision): unknown {
    const { receipt } = decision;
    if (receipt === undefined || this.#budget?.allows(decision) === false) return false;
    return this.#limiter.refund(receipt);
  }
}

/** How many refunds an account or an address gets, so that a client that provokes failures is still limited. */
class RefundBudget {
  readonly #counters;
  readonly #store = new MemoryStore({ maxCounters: MOST_OWNERS });

  constructor(atMost: QuotaOptions) {
    this.#counters = [{ name: 'refunds', quotas: [new Quota(atMost)] }];
  }

  allows({ account, address }: Decision): boolean {
    const owner = ownerOf(account === undefined ? { address: address! } : { account });
    return this.#store.consume(owner, this.#counters, 1).allowed;
  }
}

/** Only owners with refunds take memory. Beyond this many the budget of one may begin again. */
const MOST_OWNERS = 10_000;
