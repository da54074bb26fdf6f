import { callSafely } from '../callbacks.js';
import type { Decision } from '../decision/index.js';

/** Called with a request that is refused, or would be if its limits were enforced. */
export type RefusalHook<Request> = (request: Request, decision: Decision) => unknown;

/** Calls the hook for a refusal. The hook does not answer the request, so its errors must not either. */
export function reportRefusal<Request>(hook: RefusalHook<Request>, request: Request, decision: Decision): void {
  if (decision.allowed && !decision.wouldRefuse) return;
  callSafely('The function onRefused', hook, request, decision);
}

/** A refusal for a log: one line with always the same fields. */
export function refusalLine({ account, address, category, reason, retryAfterMs, wouldRefuse }: Decision): {
  readonly fields: object;
  readonly message: string;
} {
  const message = wouldRefuse ? 'rate limit: would refuse' : 'rate limit: refused';
  return { fields: { rateLimit: { account, address, category, reason, retryAfterMs } }, message };
}
