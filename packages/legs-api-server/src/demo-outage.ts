import { type Call, claim, type Received } from './demo-client.js';
import { exhaust } from './demo-shared.js';
import type { OwnRedis } from './own-redis.js';
import type { ServerProcess } from './server-process.js';

/** The eighth scene: Redis stands still, and both servers go on by themselves. */
export async function showOutage(servers: readonly Call[], redis: OwnRedis): Promise<void> {
  console.log('8. The outage: Redis is stopped where it stands. Connections stay open, and nothing answers.\n');
  for (let number = 1; number <= 40; number++) {
    const admitted = await servers[number % servers.length]!('POST', 'outage1m/legs');
    claim(admitted.status === 202, `request ${number} of 40 before the outage to be admitted`, admitted);
  }
  redis.pause();

  const waits: number[] = [];
  const timed = async (server: Call, path: string): Promise<Received> => {
    const sentAt = performance.now();
    const received = await server('POST', path);
    const waitMs = received.receivedAt - sentAt;
    claim(waitMs < SLOW_MS, `an answer within ${SLOW_MS} ms, not after ${Math.round(waitMs)} ms`, received);
    waits.push(waitMs);
    return received;
  };
  // Each server has admitted 20 for this account itself, so by its own count there is room for 80.
  for (const server of servers) {
    for (let number = 1; number <= 80; number++) {
      const admitted = await timed(server, 'outage1m/legs');
      claim(admitted.status === 202, `request ${number} of 80 in the outage to be admitted`, admitted);
    }
    const refused = await timed(server, 'outage1m/legs');
    claim(refused.status === 429, 'what is beyond the limit of one server to be refused in the outage', refused);
  }
  const slowest = Math.round(Math.max(...waits));
  const typical = waits.sort((a, b) => a - b)[waits.length >> 1]!.toFixed(1);
  console.log(`   Before it, 40 requests of outage1m, in turn: 202. Each server keeps count of what it admitted itself.
   In it, 80 more to each server: 202. After them each server has admitted 100, and the next is refused with 429.
   The slowest answer took ${slowest} ms, while the server still waited for Redis; the typical one ${typical} ms.\n`);
}

/** The ninth scene: Redis goes on, and the limit is one again. */
export async function showRecovery(
  servers: readonly Call[],
  processes: readonly ServerProcess[],
  redis: OwnRedis,
): Promise<void> {
  console.log('9. The recovery: Redis goes on where it stood.\n');
  const [first, second] = servers;
  for (let number = 1; number <= 30; number++) {
    const admitted = await first!('POST', 'told1m/legs');
    claim(admitted.status === 202, `request ${number} of 30 to one server in the outage to be admitted`, admitted);
  }
  redis.resume();
  for (const server of processes) await server.printed(/Redis answers again\./);

  for (const [server, remaining] of [
    [first!, '69'],
    [second!, '68'],
  ] as const) {
    const admitted = await server('POST', 'told1m/legs');
    claim(admitted.status === 202, 'a request after the outage to be admitted', admitted);
    claim(admitted.headers.get('x-ratelimit-remaining') === remaining, `${remaining} requests to remain`, admitted);
  }
  await exhaust(servers, 'back1m/legs');
  console.log(`   One server had admitted 30 requests of told1m meanwhile. It has told Redis, and the other one counts them too.
   POST /v2/accounts/back1m/legs, in turn: 100 admitted, request 101 refused with 429 by either. The limit is one again.\n`);
}

/** The demo's own patience, for a machine that stalls: a decision waits for Redis 100 ms at most. */
const SLOW_MS = 2000;
