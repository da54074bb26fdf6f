import { callSafely } from '../callbacks.js';
import type { Decision } from '../decision/index.js';

/** Is told of a request that is turned away, or would be, were its limits enforced. */
export type RefusalHook<Request> = (request: Request, decision: Decision) => unknown;

/** Tells the hook, if the decision concerns it: it answers no one, so what it throws must not either. */
export function tellRefusal<Request>(hook: RefusalHook<Request>, request: Request, decision: Decision): void {
  if (decision.allowed && !decision.wouldRefuse) return;
  callSafely('The function onRefused', hook, request, decision);
}

/** What a log shows of it: one line, whose fields are the same for every refusal. */
export function refusalLine({ account, address, category, reason, retryAfterMs, wouldRefuse }: Decision): {
  readonly fields: object;
  readonly message: string;
} {
  const message = wouldRefuse ? 'rate limit: would refuse' : 'rate limit: refused';
  return { fields: { rateLimit: { account, address, category, reason, retryAfterMs } }, message };
}
