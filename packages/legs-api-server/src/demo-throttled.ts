import { setTimeout as sleep } from 'node:timers/promises';
import type { RateLimiter } from '@tollgate/core';
import { type Call, claim, type Received } from './demo-client.js';
import { THROTTLE } from './demo-policy.js';

/** The third scene: who goes on after refusals has less for a while. */
export async function showThrottled(call: Call, limiter: RateLimiter): Promise<void> {
  console.log(
    '3. The throttling: events have 10 in any rolling 2 seconds. After 5 refusals, a fifth of that for 4 seconds.\n',
  );
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const story = await playThrottled(call, limiter, `throttled${attempt}m`);
    if (story !== undefined) {
      console.log(`${story}\n`);
      return;
    }
    console.log('   (This machine was too slow for the window; once more.)');
  }
  throw new Error(`The throttling could not be played in ${ATTEMPTS} attempts: requests take too long here.`);
}

/** The scene's story, or `undefined` if time ran away; throws when a claim did not hold. */
async function playThrottled(call: Call, limiter: RateLimiter, account: string): Promise<string | undefined> {
  const leg = await call('POST', `${account}/legs`);
  claim(leg.status === 202, 'a leg to be created', leg);
  const path = `${account}/legs/${JSON.parse(leg.body).response.leg_sid}/external_events`;
  const send = async (times: number): Promise<Received[]> => {
    const answers: Received[] = [];
    for (let sent = 0; sent < times; sent++) answers.push(await call('GET', path));
    return answers;
  };

  const startedAt = performance.now();
  const all = await send(10 + THROTTLE.afterViolations);
  const throttledAt = performance.now();
  if (throttledAt - startedAt > WINDOW_MS - SPARE_MS) return undefined;
  for (const admitted of all.slice(0, 10)) claim(admitted.status === 200, 'the first 10 to be admitted', admitted);
  for (const refused of all.slice(10)) claim(refused.status === 429, 'the next 5 to be refused', refused);
  const [before, last] = [all.at(-2)!, all.at(-1)!];
  claim(limitOf(before) === '10', 'the limit to be whole at the fourth refusal', before);
  claim(limitOf(last) === '2', 'the limit to be a fifth at the fifth refusal', last);
  const { throttled } = await limiter.peek({ account, category: 'events' });

  await sleep(1000 * Number(last.headers.get('retry-after')));
  const meanwhile = await send(3);
  if (performance.now() - throttledAt > THROTTLE.forMs - SPARE_MS) return undefined;
  const [one, two, three] = meanwhile as [Received, Received, Received];
  for (const admitted of [one, two]) claim(admitted.status === 200, '2 to be admitted while throttled', admitted);
  claim(three.status === 429 && limitOf(three) === '2', 'a third to be refused while throttled', three);

  // The throttling is over, and so is the window of the two.
  await sleep(Math.max(0, throttledAt + THROTTLE.forMs + WINDOW_MS - performance.now()));
  const [again] = (await send(1)) as [Received];
  claim(again.status === 200 && limitOf(again) === '10', 'the whole limit again', again);

  return `   GET /v2/accounts/${account}/legs/…/external_events: 10 admitted with 200, 5 refused with 429.
   With the fifth refusal X-RateLimit-Limit went from 10 to 2, for ${throttled?.endsAfterMs} ms more.
   After Retry-After: ${last.headers.get('retry-after')}, 2 admitted and the next refused. When it was over: 200, with X-RateLimit-Limit: 10.`;
}

function limitOf(received: Received): string | null {
  return received.headers.get('x-ratelimit-limit');
}

const ATTEMPTS = 3;
const WINDOW_MS = 2000;
const SPARE_MS = 500;
