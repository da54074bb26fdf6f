import { setTimeout as sleep } from 'node:timers/promises';
import type { RateLimiter } from '@tollgate/core';
import { type Call, claim, type Received } from './demo-client.js';

/** The second scene: a burst runs into a quota of 5 in 2 s, and ends when the refusal said. */
export async function showBurst(call: Call, limiter: RateLimiter): Promise<void> {
  console.log('2. The burst: bridges also have a quota of 5 in any rolling 2 seconds.\n');
  // On a machine that stalls, the window can pass before the scene is played; then it is played anew by a fresh account.
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const story = await playBurst(call, limiter, `burst${attempt}m`);
    if (story !== undefined) {
      console.log(`${story}\n`);
      return;
    }
    console.log('   (This machine was too slow for the window; once more.)');
  }
  throw new Error(`The burst could not be played in ${ATTEMPTS} attempts: requests take too long here.`);
}

/** The scene's story, or `undefined` if time ran away; throws when a claim did not hold. */
async function playBurst(call: Call, limiter: RateLimiter, account: string): Promise<string | undefined> {
  const path = `${account}/bridges`;
  const startedAt = performance.now();
  for (let number = 1; number <= 5; number++) {
    const admitted = await call('POST', path);
    claim(admitted.status === 202, `request ${number} of the burst to be admitted`, admitted);
  }
  const refused = await call('POST', path);
  // All six within one window, or the sixth may rightly pass; with time to spare, or there is no "just before".
  if (refused.receivedAt - startedAt > WINDOW_MS - 3 * EARLY_MS) return undefined;
  claim(refused.status === 429, 'request 6 of the burst to be refused', refused);
  const retryAfterMs = 1000 * Number(refused.headers.get('retry-after'));
  claim(retryAfterMs > 0, 'a Retry-After', refused);

  // The header is in whole seconds, rounded up. The limiter itself knows the millisecond.
  const peeked = await limiter.peek({ account, category: 'bridges' });
  const roomAt = performance.now() + (peeked.retryAfterMs ?? 0);
  const early = await callAt(roomAt - EARLY_MS, call, path);
  if (early.receivedAt >= roomAt - CLOCK_GRAIN_MS) return undefined;
  claim(early.status === 429, 'a request just before to be refused', early);

  const admitted = await callAt(refused.receivedAt + retryAfterMs, call, path);
  claim(admitted.status === 202, 'a request at Retry-After to be admitted', admitted);

  const after = (instant: number) => `${Math.round(instant - refused.receivedAt)} ms later`;
  return `   POST /v2/accounts/${path}: 5 admitted with 202, the 6th refused with 429 and Retry-After: ${retryAfterMs / 1000}.
   By the limiter's own figure there is room ${after(roomAt)}; the header rounds it up to whole seconds.
   Just before that, answered ${after(early.receivedAt)}: 429.
   When Retry-After was over, answered ${after(admitted.receivedAt)}: 202.`;
}

async function callAt(instant: number, call: Call, path: string): Promise<Received> {
  // A timer may fire a fraction of a millisecond early.
  await sleep(Math.max(0, Math.ceil(instant - performance.now()) + 1));
  return call('POST', path);
}

const ATTEMPTS = 3;
const WINDOW_MS = 2000;
const EARLY_MS = 300;
/** The limiter decides in whole milliseconds. */
const CLOCK_GRAIN_MS = 2;
