import { callSafely } from '../callbacks.js';
import type { Decision } from '../decision/index.js';

/** Called with a request that is refused, or would be if its limits were enforced. */
export type RefusalHook<Request> = (request: Request, decision: Decision) => unknown;

/** Calls the hook for a refusal. The hook does not answer the request, so its errors must not either. */
export function reportRefusal<Request>(hook: RefusalHook<Request>, request: Request, decision: Decision): void {
  if (decision.allowed && !decision.wouldRefuse) return;
  callSafely('The function onRefused', hook, request, decision);
}

/** A refusal for a log: one line with always the same fields, and those of each charge where there are several. */
export function refusalLine(decision: Decision): { readonly fields: object; readonly message: string } {
  const { account, address, category, subjects, reason, retryAfterMs, charges } = decision;
  const rateLimit = {
    ...(charges.length === 1
      ? { account, address, category, ...(subjects && { subjects }) }
      : { charges: charges.map(({ quotas: _, cost: __, ...party }) => party) }),
    reason,
    retryAfterMs,
  };
  return { fields: { rateLimit }, message: `rate limit: ${decision.wouldRefuse ? 'would refuse' : 'refused'}` };
}
