import { type Decision, isPromise } from '@tollgate/core';
import {
  Answers,
  asError,
  checkHttpOptions,
  type HttpOptions,
  limiterOf,
  RequestReader,
  refundOnFinish,
  requestId,
  tellRefusal,
  tighter,
} from '@tollgate/core/http';
import type { NextFunction, Request, RequestHandler, Response } from 'express';

declare global {
  namespace Express {
    interface Request {
      /** The decision on this request; of several limiters' decisions the tightest. Absent where it was skipped. */
      rateLimit?: Decision;
    }
  }
}

/** See `docs/http.md` for each option at length. */
export type RateLimitOptions = HttpOptions<Request, Response>;

/**
 * Express middleware that charges every request it meets and answers the refused ones. Mount it where `account_sid` is a
 * path parameter, or anywhere above; several limiters on one app each count.
 *
 * Refusals never reach the app's error handlers, and nor do the failures of a store: what becomes of a request then is the
 * policy's to say. An error does, through `next(error)`: one thrown by a function among the options, a cost that is no
 * cost, or the use of a closed store.
 *
 * @throws TypeError or RangeError, with a `TOLLGATE_…` code, for options that it could not use.
 *
 * @example
 * app.use('/v2/accounts/:account_sid', rateLimit({ policy: legsApiPolicy() }));
 */
export function rateLimit(options: RateLimitOptions): RequestHandler {
  checkHttpOptions('rateLimit', options);
  const limiter = limiterOf('rateLimit', options);
  const answers = new Answers<Request, Response>(options);
  const { refundWhen, onRefused } = options;
  const reader = new RequestReader<Request>(
    {
      // The path as Express itself has read it, its mounts put back: what it routes by is what counts.
      url: (request) => request.baseUrl + request.path,
      params: (request) => request.params,
      address: (request) => request.ip,
    },
    options,
  );

  function answer(request: Request, response: Response, next: NextFunction, decision: Decision | undefined): unknown {
    if (decision === undefined) return next();
    if (onRefused !== undefined) tellRefusal(onRefused, request, decision);
    const shown = tighter(request.rateLimit, decision);
    request.rateLimit = shown;
    if (!response.headersSent) answers.writeHeaders(shown, (name, value) => response.setHeader(name, value));
    if (decision.allowed) {
      if (refundWhen !== undefined && decision.receipt !== undefined) {
        // Express has no log to write to, and the answer is out: a refund that fails leaves the charge where it is.
        refundOnFinish(response, limiter, decision.receipt, refundWhen, () => {});
      }
      return next();
    }
    // The client may have left, or the app have answered, while the decision was made: there is no one to refuse.
    if (response.destroyed || response.writableEnded) return undefined;
    if (response.headersSent) return next(new Error('The rate limit refuses a request whose response has begun'));
    response.statusCode = answers.status(decision);
    const replacement = answers.replacement(decision);
    if (replacement !== undefined) return replacement(request, response, decision);
    const id = requestId(request.headers['x-request-id'], (request as { id?: unknown }).id);
    const body = answers.writeBody(decision, id, (name, value) => response.setHeader(name, value));
    response.setHeader('Content-Length', Buffer.byteLength(body));
    return response.end(body);
  }

  return (request, response, next) => {
    const fail = (thrown: unknown) => next(asError(thrown));
    try {
      const decision = reader.decide(request, limiter);
      if (isPromise(decision)) {
        decision.then((decision) => answer(request, response, next, decision)).catch(fail);
        return;
      }
      const answered = answer(request, response, next, decision);
      if (isPromise(answered)) answered.catch(fail);
    } catch (error) {
      fail(error);
    }
  };
}
