import { executionAsyncResource } from 'node:async_hooks';
import { warnOnce } from '../warnings.js';

/** What is known of the limiters of one name. */
interface Made {
  /** How many were made while a request was handled. */
  duringRequests: number;
  /** How many were asked by one request. */
  asked: number;
  /** Whether one of them was asked by a second request, so that they are kept. */
  isKept: boolean;
}

/** By name. Names are the program's own. More of them are not noted. */
const madeByName = new Map<string, Made>();
const MOST_NAMES = 1000;
/** So many limiters, of which none is asked twice, are made per request. */
const ASKED_ONCE = 100;

/**
 * Reports the second limiter of a name that is made while a request is handled. The first may be one that is made late
 * and kept. Node's own record of what runs shows a request, as far as its handler has not awaited anything.
 */
export function noteMade(name: string): void {
  const { type } = executionAsyncResource() as { readonly type?: unknown };
  if (type !== 'HTTPINCOMINGMESSAGE') return;
  const made = madeOf(name);
  if (made !== undefined && ++made.duringRequests === 2) report(name);
}

/** A limiter is asked by its first request, or by its second. It also shows what {@link noteMade} cannot see. */
export function noteAsked(name: string, time: 'first' | 'second'): void {
  const made = madeOf(name);
  if (made === undefined) return;
  if (time === 'second') made.isKept = true;
  else if (++made.asked >= ASKED_ONCE && !made.isKept) report(name);
}

function madeOf(name: string): Made | undefined {
  let made = madeByName.get(name);
  if (made === undefined && madeByName.size < MOST_NAMES) {
    made = { duringRequests: 0, asked: 0, isKept: false };
    madeByName.set(name, made);
  }
  return made;
}

function report(name: string): void {
  warnOnce(
    'TOLLGATE_MADE_PER_REQUEST',
    `A limiter ${name} is made again for each request: its counters begin empty each time. Make it once, where the app is built`,
    name,
  );
}
