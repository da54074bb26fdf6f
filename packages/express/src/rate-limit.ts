import type { Decision } from '@tollgate/core';
import {
  Answers,
  asError,
  checkHttpOptions,
  type HttpOptions,
  limiterOf,
  RequestReader,
  refundOnFinish,
  requestId,
  type SetHeader,
  tellRefusal,
  tighter,
} from '@tollgate/core/http';
import { isPromise } from '@tollgate/core/kit';
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
      url: pathOf,
      params: (request) => read(request, 'params'),
      address: (request) => request.ip,
    },
    options,
  );

  function answer(request: Request, response: Response, next: NextFunction, decision: Decision | undefined): unknown {
    if (decision === undefined) return next();
    if (onRefused !== undefined) tellRefusal(onRefused, request, decision);
    // Most requests have no `rateLimit` yet, and that is found out fastest so.
    const before = Object.hasOwn(request, 'rateLimit') ? request.rateLimit : undefined;
    const shown = tighter(before, decision);
    request.rateLimit = shown;
    const setHeader = read(response, 'setHeader');
    const set = (name: string, value: string | number) => setHeader.call(response, name, value);
    const isWritten = writeHeaders(response, shown, set);
    if (decision.allowed) {
      if (refundWhen !== undefined && decision.receipt !== undefined) {
        // Express has no log to write to, and the answer is out: a refund that fails leaves the charge where it is.
        refundOnFinish(response, limiter, decision.receipt, refundWhen, () => {});
      }
      return next();
    }
    // The client may have left, or the app have answered, while the decision was made: there is no one to refuse.
    if (read(response, 'destroyed') || (!isWritten && response.writableEnded)) return undefined;
    if (!isWritten) return next(new Error('The rate limit refuses a request whose response has begun'));
    response.statusCode = answers.status(decision);
    const replacement = answers.replacement(decision);
    if (replacement !== undefined) return replacement(request, response, decision);
    const id = requestId(read(request, 'headers')['x-request-id'], read(request as { id?: unknown }, 'id'));
    const body = answers.writeBody(decision, id, set);
    set('Content-Length', Buffer.byteLength(body));
    return response.end(body);
  }

  /** False if the response has begun already. Most have not, so that is asked only where a header could not be set. */
  function writeHeaders(response: Response, decision: Decision, set: SetHeader): boolean {
    try {
      answers.writeHeaders(decision, set);
      return true;
    } catch (error) {
      if (response.headersSent) return false;
      throw error;
    }
  }

  return (request, response, next) => {
    try {
      const decision = reader.decide(request, limiter);
      const answered = isPromise(decision)
        ? decision.then((decision) => answer(request, response, next, decision))
        : answer(request, response, next, decision);
      // A response is no promise, and to ask it is slow.
      if (answered !== undefined && answered !== response && isPromise(answered)) {
        answered.catch((thrown: unknown) => next(asError(thrown)));
      }
    } catch (error) {
      next(asError(error));
    }
  };
}

/**
 * Each request and response of Express has a hidden class of its own, so that what V8 remembers of where properties lie is
 * never of use: one that is read by its name takes twice as long as one that `Reflect.get` looks up without a memory.
 */
function read<Owner extends object, Name extends keyof Owner>(owner: Owner, name: Name): Owner[Name] {
  return Reflect.get(owner, name) as Owner[Name];
}

/**
 * The path as Express itself has read it, its mounts put back: what it routes by is what counts. A plain one is read off
 * the URL, as Express does it too; the query may stay on.
 */
function pathOf(request: Request): string {
  const url = read(request, 'url');
  const path = url.startsWith('/') && !UNUSUAL.test(url) ? url : request.path;
  const baseUrl = read(request, 'baseUrl');
  return baseUrl === '' ? path : baseUrl + path;
}

/** With one of these in a URL, Express falls back to a parser that reads it otherwise. */
const UNUSUAL = /[\t\n\f\r #\u00a0\ufeff]/;
