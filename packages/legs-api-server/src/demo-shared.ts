import { type Call, claim } from './demo-client.js';

/** The sixth scene: one account has one limit over two processes. */
export async function showShared(servers: readonly Call[]): Promise<void> {
  console.log('6. Two servers: each in a process of its own, both with their counters on that Redis.\n');
  await exhaust(servers, 'shared1m/legs');
  console.log(`   POST /v2/accounts/shared1m/legs, 100 times, to one and the other in turn: 100 admitted, each with 202.
   Request 101 is refused with 429 by either.\n`);
}

/** Sends to the servers in turn, and claims that they admit exactly what is left of a limit of 100, together. */
export async function exhaust(servers: readonly Call[], path: string): Promise<void> {
  for (let number = 1; number <= 100; number++) {
    const admitted = await servers[number % servers.length]!('POST', path);
    claim(admitted.status === 202, `request ${number} of 100 over all servers to be admitted`, admitted);
    const remaining = admitted.headers.get('x-ratelimit-remaining');
    claim(remaining === String(100 - number), `${100 - number} requests to remain for all servers`, admitted);
  }
  for (const server of servers) {
    const refused = await server('POST', path);
    claim(refused.status === 429, 'request 101 to be refused by every server', refused);
  }
}
