import { setTimeout as sleep } from 'node:timers/promises';
import { type Layer, perMinute } from '@tollgate/core';
import { type Call, claim, type Received } from './demo-client.js';

/** Gives an account limits of its own, while its servers run. */
export type Provision = (account: string, layer: Layer) => unknown;

/** An account that has run into the default is given more, and no server is restarted. */
export async function showProvisioned(number: number, servers: readonly Call[], provision: Provision): Promise<void> {
  const where = servers.length > 1 ? ', on both servers' : '';
  console.log(`${number}. Provisioned while running${where}: one account is given 6000 a minute for legs.\n`);
  const path = `grown${number}m/legs`;
  for (let sent = 1; sent <= 100; sent++) {
    const admitted = await servers[sent % servers.length]!('POST', path);
    claim(admitted.status === 202, `request ${sent} of 100 to be admitted`, admitted);
  }
  for (const server of servers) {
    const refused = await server('POST', path);
    claim(refused.status === 429, 'request 101 to be refused', refused);
  }

  await provision(`grown${number}m`, { categories: { legs: [perMinute(6000)] } });
  const setAt = performance.now();
  const waits: number[] = [];
  for (const server of servers) {
    const admitted = await admittedBy(server, path, setAt + PATIENCE_MS);
    waits.push(admitted.receivedAt - setAt);
    claim(admitted.headers.get('x-ratelimit-limit') === '6000', 'a limit of 6000', admitted);
  }
  const other = await servers[0]!('POST', `small${number}m/legs`);
  claim(other.headers.get('x-ratelimit-limit') === '100', 'everyone else to have 100', other);
  const left = 6000 - 100 - servers.length;
  console.log(`   POST /v2/accounts/${path}: 100 admitted, the next refused with 429.
   Its limits were set, and ${Math.ceil(Math.max(...waits))} ms later ${
     servers.length > 1 ? 'both servers admit' : 'the server admits'
   } it again, with ${left} of 6000 left: what it had used still counts.
   No one restarted anything, and everyone else still has 100.\n`);
}

async function admittedBy(server: Call, path: string, until: number): Promise<Received> {
  for (;;) {
    const received = await server('POST', path);
    if (received.status === 202) return received;
    claim(performance.now() < until, `an account to have its new limits within ${PATIENCE_MS} ms`, received);
    await sleep(20);
  }
}

/** A change is seen everywhere within a second; the rest is for a machine that stalls. */
const PATIENCE_MS = 3000;
