import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { within } from '@tollgate/core/kit';
import { RedisLimits } from '@tollgate/redis';
import { EXAMPLE_CREDENTIALS } from '../api/index.js';
import { atTheEnd } from '../ending.js';
import type { OwnRedis } from '../own-redis.js';
import type { Environment, Framework } from '../settings.js';
import { admitted, type Call, claim, clientOf, type Received, refused, remainingOf } from './client.js';
import { showProvisioned } from './provisioned.js';

/** Plays the scenes of two servers, each in a process of its own, on a Redis that stops for a while. */
export async function playTwoServers(framework: Framework, redis: OwnRedis): Promise<void> {
  // The servers do not use the policy of the shell.
  const environment = { REDIS_URL: redis.url, POLICY: undefined };
  const limits = new RedisLimits({ url: redis.url });
  const processes = [new ServerProcess(framework, environment), new ServerProcess(framework, environment)];
  try {
    const origins = await Promise.all(processes.map((server) => server.origin()));
    const servers = origins.map((origin) => clientOf(origin, EXAMPLE_CREDENTIALS));
    await showShared(servers);
    await showProvisioned(8, servers, (account, layer) => limits.set(account, layer, { by: 'the demo' }));
    await showOutage(servers, redis);
    await showRecovery(servers, processes, redis);
  } finally {
    for (const server of processes) server.end();
    await limits.close();
  }
}

/** One account has one limit over two processes. */
async function showShared(servers: readonly Call[]): Promise<void> {
  console.log('7. Two servers: each in a process of its own, both with their counters on that Redis.\n');
  await exhaust(servers, 'shared1m/legs');
  console.log(`   POST /v2/accounts/shared1m/legs, 100 times, to both servers in turn: 100 admitted, each with 202.
   Request 101 is refused with 429 by either.\n`);
}

/** Sends to the servers in turn, and claims that together they admit exactly 100. */
async function exhaust(servers: readonly Call[], path: string): Promise<void> {
  for (let number = 1; number <= 100; number++) {
    const received = await admitted(
      servers[number % servers.length]!,
      path,
      `request ${number} of 100 over all servers`,
    );
    claim(remainingOf(received) === 100 - number, `${100 - number} requests to remain for all servers`, received);
  }
  for (const server of servers) await refused(server, path, 'request 101 to every server');
}

/** Redis stops, and each server goes on alone. */
async function showOutage(servers: readonly Call[], redis: OwnRedis): Promise<void> {
  console.log('9. The outage: Redis is paused. Connections stay open, and no command is answered.\n');
  for (let number = 1; number <= 40; number++) {
    await admitted(servers[number % servers.length]!, 'outage1m/legs', `request ${number} of 40 before the outage`);
  }
  redis.pause();

  const waits: number[] = [];
  const timed = async (answer: Promise<Received>): Promise<void> => {
    const sentAt = performance.now();
    const received = await answer;
    const waitMs = received.receivedAt - sentAt;
    claim(waitMs < SLOW_MS, `an answer within ${SLOW_MS} ms, not after ${Math.round(waitMs)} ms`, received);
    waits.push(waitMs);
  };
  // Each server has admitted 20 of this account, so its own count has room for 80.
  for (const server of servers) {
    for (let number = 1; number <= 80; number++) {
      await timed(admitted(server, 'outage1m/legs', `request ${number} of 80 in the outage`));
    }
    await timed(refused(server, 'outage1m/legs', 'a request beyond the limit of one server in the outage'));
  }
  const slowest = Math.round(Math.max(...waits));
  const typical = waits.sort((a, b) => a - b)[waits.length >> 1]!.toFixed(1);
  console.log(`   Before it, 40 requests of outage1m, in turn: 202. Each server counts what it admitted.
   In it, 80 more to each server: 202. After them each server has admitted 100, and the next is refused with 429.
   The slowest answer took ${slowest} ms, while the server still waited for Redis; the typical one ${typical} ms.\n`);
}

/** Redis goes on, and both servers share one limit again. */
async function showRecovery(
  servers: readonly Call[],
  processes: readonly ServerProcess[],
  redis: OwnRedis,
): Promise<void> {
  console.log('10. The recovery: Redis goes on with the data that it had.\n');
  const [first, second] = servers;
  for (let number = 1; number <= 30; number++) {
    await admitted(first!, 'late1m/legs', `request ${number} of 30 to one server in the outage`);
  }
  redis.resume();
  for (const server of processes) await server.printed(/Redis answers again\./);

  for (const [server, remaining] of [
    [first!, 69],
    [second!, 68],
  ] as const) {
    const received = await admitted(server, 'late1m/legs', 'a request after the outage');
    claim(remainingOf(received) === remaining, `${remaining} requests to remain`, received);
  }
  await exhaust(servers, 'back1m/legs');
  console.log(`   One server had admitted 30 requests of late1m in the outage. It has written them back, and both servers count them.
   POST /v2/accounts/back1m/legs, in turn: 100 admitted, request 101 refused with 429 by either. There is one limit again.\n`);
}

/** A decision waits for Redis at most 100 ms; a slow machine may need longer. */
const SLOW_MS = 2000;

/** The server of `npm start` in a process of its own, which ends with this one. */
class ServerProcess {
  readonly end: () => void;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #output = '';

  constructor(framework: Framework, environment: Environment) {
    const main = fileURLToPath(new URL('../main.js', import.meta.url));
    const child = spawn(process.execPath, [main, `--${framework}`], {
      // The demo shows the outage of Redis in its own words.
      env: { ...process.env, ...environment, PORT: '0', NODE_NO_WARNINGS: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
      this.#check();
    });
    child.once('exit', () => this.#check());
    this.#child = child;
    this.end = atTheEnd(() => child.kill('SIGKILL'));
  }

  /** Waits until the server listens. */
  async origin(): Promise<string> {
    return (await this.printed(/listening on (http:\/\/\S+)\. /))[1]!;
  }

  /** Waits until the output of the server matches. */
  printed(pattern: RegExp): Promise<RegExpExecArray> {
    const match = new Promise<RegExpExecArray>((resolve, reject) => {
      const check = () => {
        const found = pattern.exec(this.#output);
        if (found !== null) resolve(found);
        else if (this.#child.exitCode !== null) reject(new Error('a server ended too early'));
      };
      this.#waiting.add(check);
      check();
    });
    return within(match, PRINT_TIMEOUT_MS, () => {
      throw new Error(`no server printed ${pattern}`);
    });
  }

  #check(): void {
    for (const check of this.#waiting) check();
  }
}

const PRINT_TIMEOUT_MS = 10_000;
