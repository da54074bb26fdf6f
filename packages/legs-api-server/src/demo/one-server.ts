import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AccountLayer,
  type Decision,
  defineAccountLayer,
  legsApiPolicy,
  perHour,
  perMinute,
  perSecond,
  RateLimiter,
} from '@tollgate/core';
import type { RedisLimits, RedisStore } from '@tollgate/redis';
import { EXAMPLE_CREDENTIALS, startServer } from '../api/index.js';
import { type Framework, messageOf } from '../settings.js';
import { admitted, type Call, claim, clientOf, limitOf, type Received, refused, remainingOf, show } from './client.js';
import { showParties } from './parties.js';
import { type Provision, showProvisioned } from './provisioned.js';

/** Short, since the demo waits until it is over. */
const THROTTLE = { afterViolations: 5, withinMs: 10_000, forMs: 4000, factor: 0.2 };
const POLICY = legsApiPolicy({
  categories: {
    bridges: [perMinute(100), perSecond(5, { every: 2, name: 'burst' })],
    events: { quotas: [perSecond(10, { every: 2 })], throttle: THROTTLE },
  },
  accounts: {
    observed1m: { mode: 'observe', categories: { legs: [perMinute(5)] } },
    parties1m: { each: { leg: [perMinute(3)] }, categories: { minutes: [perHour(25)] } },
  },
});
const WINDOW_MS = 2000;

/** Plays the scenes of one server, in this process. */
export async function playOneServer(
  framework: Framework,
  store: RedisStore | undefined,
  limits: RedisLimits | undefined,
): Promise<void> {
  const layers = new Map<string, AccountLayer>();
  const accounts = limits ?? { layerOf: (account: string) => layers.get(account) };
  const provision: Provision =
    limits === undefined
      ? (account, layer) => layers.set(account, defineAccountLayer(layer))
      : (account, layer) => limits.set(account, layer, { by: 'the demo' });
  const limiter = new RateLimiter({ policy: POLICY, accounts, ...(store && { store }) });
  const credentials = new Map([...EXAMPLE_CREDENTIALS, ['second-key', 'second-token']]);
  try {
    if (store !== undefined) await answering(store);
    const server = await startServer({ framework, limiter, credentials, port: 0 });
    try {
      const counters = store === undefined ? '' : ' Its counters are on Redis.';
      console.log(`The Legs API on ${framework}, at ${server.origin}.${counters}\n`);
      const call = clientOf(server.origin, credentials);
      await showLimit(call);
      await showBurst(call, limiter);
      await showThrottled(call, limiter);
      await showProvisioned(4, [call], provision);
      await showObserved(call, limiter);
      await showParties(call, clientOf(server.origin, new Map([['key', 'wrong']])));
    } finally {
      await server.close();
    }
  } finally {
    await limiter.close();
    await limits?.close();
    await store?.close();
  }
}

/** The scenes are about limits on Redis, so a Redis that does not answer ends the demo before the first scene. */
async function answering(store: RedisStore): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    try {
      return await store.probe('demo');
    } catch (error) {
      if (performance.now() - startedAt > REDIS_TIMEOUT_MS) {
        throw new Error(`the Redis that REDIS_URL names cannot be used. ${messageOf(error)}`);
      }
      await sleep(100);
    }
  }
}

const REDIS_TIMEOUT_MS = 3000;

/** An account reaches its limit of 100 a minute. Other accounts and categories are not affected. */
async function showLimit(call: Call): Promise<void> {
  console.log('1. The limit: 100 requests in any rolling minute, per account and category.\n');
  for (let number = 1; number <= 100; number++) {
    await admitted(call, 'ameyo5m/legs', `request ${number} of 100`);
  }
  console.log('   POST /v2/accounts/ameyo5m/legs, 100 times: 100 admitted, each with 202.');

  const refusal = await refused(call, 'ameyo5m/legs', 'request 101');
  claim(remainingOf(refusal) === 0, 'no room to remain', refusal);
  claim(ENVELOPE.test(refusal.body), 'the envelope of a refusal', refusal);
  console.log(`   Request 101 is refused:\n\n${show(refusal)}\n`);

  await refused(call, 'ameyo5m/legs', 'another key of the account', 'second-key');
  console.log('   Another API key of the same account: 429. The limit is per account, not per key.');

  await admitted(call, 'ameyo5m/bridges', 'another category');
  console.log('   POST /v2/accounts/ameyo5m/bridges, another category: 202.');

  const other = await admitted(call, 'other1m/legs', 'another account');
  claim(remainingOf(other) === 99, '99 requests to remain', other);
  console.log('   POST /v2/accounts/other1m/legs, another account: 202, with 99 left.\n');
}

const ENVELOPE =
  /^\{"request_id":"[0-9a-f]{32}","http_code":429,"response":\{"error":\{"code":"RATE_LIMIT_EXCEEDED","message":"Rate limit exceeded\. Please retry after some time\."\}\}\}$/;

/** A burst reaches a quota of 5 in 2 s, and is admitted again at the time of the refusal's `Retry-After`. */
async function showBurst(call: Call, limiter: RateLimiter): Promise<void> {
  console.log('2. The burst: bridges also have a quota of 5 in any rolling 2 seconds.\n');
  await inTime('burst', async (account) => {
    const path = `${account}/bridges`;
    const startedAt = performance.now();
    for (let number = 1; number <= 5; number++) {
      await admitted(call, path, `request ${number} of the burst`);
    }
    const sixth = await call('POST', path);
    // All six must be in one window, or the sixth may pass. There must also be time left for a request before its end.
    if (sixth.receivedAt - startedAt > WINDOW_MS - 3 * EARLY_MS) return undefined;
    claim(sixth.status === 429, 'request 6 of the burst to be refused', sixth);
    const retryAfterMs = 1000 * Number(sixth.headers.get('retry-after'));
    claim(retryAfterMs > 0, 'a Retry-After', sixth);

    // The header is in whole seconds, rounded up. The limiter's own figure is in milliseconds.
    const peeked = await limiter.peek({ account, category: 'bridges' });
    const roomAt = performance.now() + (peeked.retryAfterMs ?? 0);
    const early = await callAt(roomAt - EARLY_MS, call, path);
    if (early.receivedAt >= roomAt - CLOCK_GRAIN_MS) return undefined;
    claim(early.status === 429, 'a request just before to be refused', early);

    const late = await callAt(sixth.receivedAt + retryAfterMs, call, path);
    claim(late.status === 202, 'a request at Retry-After to be admitted', late);

    const after = (instant: number) => `${Math.round(instant - sixth.receivedAt)} ms later`;
    return `   POST /v2/accounts/${path}: 5 admitted with 202, the 6th refused with 429 and Retry-After: ${retryAfterMs / 1000}.
   The limiter reports room ${after(roomAt)}; the header rounds that up to whole seconds.
   Just before that, answered ${after(early.receivedAt)}: 429.
   When Retry-After was over, answered ${after(late.receivedAt)}: 202.`;
  });
}

async function callAt(instant: number, call: Call, path: string): Promise<Received> {
  // A timer may fire a fraction of a millisecond early.
  await sleep(Math.max(0, Math.ceil(instant - performance.now()) + 1));
  return call('POST', path);
}

const EARLY_MS = 300;
/** The limiter decides in whole milliseconds. */
const CLOCK_GRAIN_MS = 2;

/** An account that goes on after refusals has lower limits for a while. */
async function showThrottled(call: Call, limiter: RateLimiter): Promise<void> {
  console.log(
    '3. The throttling: events have 10 in any rolling 2 seconds. After 5 refusals, a fifth of that for 4 seconds.\n',
  );
  await inTime('throttling', async (account) => {
    const leg = await admitted(call, `${account}/legs`, 'a new leg');
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
    for (const early of all.slice(0, 10)) claim(early.status === 200, 'the first 10 to be admitted', early);
    for (const late of all.slice(10)) claim(late.status === 429, 'the next 5 to be refused', late);
    const [before, last] = [all.at(-2)!, all.at(-1)!];
    claim(limitOf(before) === 10, 'the whole limit at the fourth refusal', before);
    claim(limitOf(last) === 2, 'a fifth of the limit at the fifth refusal', last);
    const { throttled } = await limiter.peek({ account, category: 'events' });

    const retryAfter = last.headers.get('retry-after');
    await sleep(1000 * Number(retryAfter));
    const meanwhile = await send(3);
    if (performance.now() - throttledAt > THROTTLE.forMs - SPARE_MS) return undefined;
    const [one, two, three] = meanwhile as [Received, Received, Received];
    for (const answer of [one, two]) claim(answer.status === 200, '2 to be admitted while throttled', answer);
    claim(three.status === 429 && limitOf(three) === 2, 'a third to be refused while throttled', three);

    // Until both the throttling and the window of those two are over.
    await sleep(Math.max(0, throttledAt + THROTTLE.forMs + WINDOW_MS - performance.now()));
    const [again] = (await send(1)) as [Received];
    claim(again.status === 200 && limitOf(again) === 10, 'the whole limit again', again);

    return `   GET /v2/accounts/${account}/legs/…/external_events: 10 admitted with 200, 5 refused with 429.
   With the fifth refusal X-RateLimit-Limit went from 10 to 2, for ${throttled?.endsAfterMs} ms more.
   After Retry-After: ${retryAfter}, 2 admitted and the next refused. After the throttling: 200, with X-RateLimit-Limit: 10.`;
  });
}

const SPARE_MS = 500;

/**
 * Plays a scene that depends on time, and prints its story. `play` returns `undefined` if the machine was too slow for
 * the window; then a new account plays the scene again.
 */
async function inTime(name: string, play: (account: string) => Promise<string | undefined>): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const story = await play(`${name}${attempt}m`);
    if (story !== undefined) return console.log(`${story}\n`);
    console.log('   (This machine was too slow for the window; the scene is played again.)');
  }
  throw new Error(`The ${name} could not be played in ${ATTEMPTS} attempts: requests take too long here.`);
}

const ATTEMPTS = 3;

/** A limit is tried on live traffic, and refuses nothing. */
async function showObserved(call: Call, limiter: RateLimiter): Promise<void> {
  console.log('5. Observed: a limit of 5 a minute is tried on one account before it is enforced.\n');
  const reported: Decision[] = [];
  const listener = (decision: Decision) => reported.push(decision);
  limiter.on('wouldRefuse', listener);
  try {
    for (let number = 1; number <= 8; number++) {
      const received = await admitted(call, 'observed1m/legs', `request ${number} of 8`);
      claim(remainingOf(received) === Math.max(0, 5 - number), 'the headers to show the state of the limit', received);
      claim(reported.length === Math.max(0, number - 5), 'an event for each that would be refused', received);
    }
  } finally {
    limiter.off('wouldRefuse', listener);
  }
  const { account, category, reason, retryAfterMs } = reported[0]!;
  console.log(`   POST /v2/accounts/observed1m/legs, 8 times: 8 admitted, each with 202.
   The limiter reports 3 that it would have refused. The first: ${JSON.stringify({ account, category, reason, retryAfterMs })}\n`);
}
