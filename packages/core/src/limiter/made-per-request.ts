import { executionAsyncResource } from 'node:async_hooks';
import { warnOnce } from '../warnings.js';

/** The names of limiters that were made while a request was handled. */
const madeDuringRequests = new Set<string>();
/** Names are the program's own. More of them are not noted. */
const MOST_NAMES = 100;

/**
 * Reports the second limiter of a name that is made while a request is handled. The first may be one that is made late
 * and kept. Node's own record of what runs shows a request, as far as its handler has not awaited anything.
 */
export function noteMade(name: string): void {
  const { type } = executionAsyncResource() as { readonly type?: unknown };
  if (type !== 'HTTPINCOMINGMESSAGE') return;
  if (!madeDuringRequests.has(name)) {
    if (madeDuringRequests.size < MOST_NAMES) madeDuringRequests.add(name);
    return;
  }
  warnOnce(
    'TOLLGATE_MADE_PER_REQUEST',
    `A limiter ${name} is made again while a request is handled: its counters begin empty each time. Make it once, where the app is built`,
    name,
  );
}
