import type { Receipt } from '../decision/index.js';
import type { RateLimiter } from '../limiter/index.js';
import { isPromise } from '../promises.js';
import type { Optional } from './request-options.js';

/** The part of a Node response that a refund needs. */
export interface EndingResponse {
  readonly statusCode: number;
  once(event: 'finish', listener: () => void): unknown;
}

/**
 * Refunds a charge if the response finishes with a status that `refundWhen` accepts. The answer has left by then, so an
 * error goes to `onError`, and the charge stays.
 */
export function refundOnFinish(
  response: EndingResponse,
  limiter: RateLimiter,
  receipt: Receipt,
  refundWhen: (statusCode: number) => Optional<boolean>,
  onError: (error: unknown) => void,
): void {
  const refundIf = (wanted: unknown) => (wanted ? limiter.refund(receipt) : false);
  response.once('finish', () => {
    try {
      const wanted = refundWhen(response.statusCode);
      const refunded = isPromise(wanted) ? wanted.then(refundIf) : refundIf(wanted);
      if (isPromise(refunded)) refunded.catch(onError);
    } catch (error) {
      onError(error);
    }
  });
}
