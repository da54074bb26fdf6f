import { setTimeout as sleep } from 'node:timers/promises';
import { type Layer, perMinute } from '@tollgate/core';
import { admitted, type Call, claim, limitOf, type Received, refused } from './client.js';

/** Sets the limits of one account. */
export type Provision = (account: string, layer: Layer) => unknown;

/** An account that has reached the default limit gets a higher one while the servers run. */
export async function showProvisioned(number: number, servers: readonly Call[], provision: Provision): Promise<void> {
  const [where, who] = servers.length > 1 ? [', on both servers', 'both servers admit'] : ['', 'the server admits'];
  console.log(`${number}. Provisioned while running${where}: one account gets 6000 a minute for legs.\n`);
  const path = `grown${number}m/legs`;
  for (let sent = 1; sent <= 100; sent++) {
    await admitted(servers[sent % servers.length]!, path, `request ${sent} of 100`);
  }
  for (const server of servers) await refused(server, path, 'request 101');

  await provision(`grown${number}m`, { categories: { legs: [perMinute(6000)] } });
  const setAt = performance.now();
  const waits: number[] = [];
  for (const server of servers) {
    const received = await admittedBy(server, path, setAt + TIMEOUT_MS);
    waits.push(received.receivedAt - setAt);
    claim(limitOf(received) === 6000, 'a limit of 6000', received);
  }
  const other = await servers[0]!('POST', `small${number}m/legs`);
  claim(limitOf(other) === 100, 'a limit of 100 for another account', other);
  const left = 6000 - 100 - servers.length;
  console.log(`   POST /v2/accounts/${path}: 100 admitted, the next refused with 429.
   Its limits were set, and ${Math.ceil(Math.max(...waits))} ms later ${who} it again, with ${left} of 6000 left: earlier requests still count.
   No server was restarted, and every other account still has 100.\n`);
}

async function admittedBy(server: Call, path: string, deadline: number): Promise<Received> {
  for (;;) {
    const received = await server('POST', path);
    if (received.status === 202) return received;
    claim(performance.now() < deadline, `an account to have its new limits within ${TIMEOUT_MS} ms`, received);
    await sleep(20);
  }
}

/** Every server uses new limits within a second; a slow machine may need longer. */
const TIMEOUT_MS = 3000;
