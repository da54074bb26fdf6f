import { setTimeout as sleep } from 'node:timers/promises';
import { perHour, perMinute, RateLimiter } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';
import { Redis } from 'ioredis';
import { accountName } from '../accounts.js';
import { type BenchOptions, isAsked, roundsOf } from '../bench-options.js';
import { inTurn } from '../rounds.js';
import { percentile, spreadOf } from '../spread.js';
import { printTable, spreadCells } from '../table.js';

/** Requests at a time that charge the store meanwhile. */
const BESIDE = [0, 20];

/**
 * Measures how fast one process writes the admissions of an outage back, one of each account, and how long a request
 * waits meanwhile. Redis is out of reach at first: the client tries a port on which nothing listens.
 */
export async function measureWriteBack(url: string, prefix: string, options: BenchOptions): Promise<void> {
  const title = 'Redis, write-back: charges a second after an outage, and ms that a request waits meanwhile';
  if (!isAsked(options, title)) return;
  const accounts = options.smoke ? 200 : 50_000;
  const samples = await inTurn(BESIDE, roundsOf(options, 5), (requests, round) =>
    writeBack(url, `${prefix}:w${requests}:${round}`, accounts, requests),
  );
  printTable(
    title,
    ['requests at a time', 'charges/s', 'least to most', 'p99', 'least to most'],
    BESIDE.map((requests) => [
      String(requests),
      ...spreadCells(spreadOf(samples.get(requests)!.map(({ perSecond }) => perSecond))),
      ...(requests === 0
        ? [undefined, undefined]
        : spreadCells(spreadOf(samples.get(requests)!.map(({ p99Ms }) => p99Ms)))),
    ]),
  );
}

async function writeBack(url: string, prefix: string, accounts: number, requests: number) {
  const { hostname, port } = new URL(url);
  const client = new Redis({ host: hostname, port: NO_PORT, retryStrategy: () => RETRY_MS });
  client.on('error', () => {});
  const store = new RedisStore({ client, prefix, timeoutMs: 1000 });
  const limiter = new RateLimiter({ policy: { quotas: [perHour(1_000_000), perMinute(100_000)] }, store });
  const charge = (account: string) => limiter.consume({ account, category: 'legs' });
  const waits: number[] = [];
  try {
    while (limiter.health().state !== 'down') await charge('first');
    for (let number = 0; number < accounts; number++) await charge(accountName(number));
    client.options.port = Number(port);
    while (limiter.health().state === 'down') await sleep(1);
    const startedAt = performance.now();
    const isWriting = () => limiter.health().writeBack.written < accounts;
    const ask = async (number: number) => {
      while (isWriting()) {
        const askedAt = performance.now();
        await charge(`request${number}`);
        waits.push(performance.now() - askedAt);
      }
    };
    await Promise.all(Array.from({ length: requests }, (_, number) => ask(number)));
    while (isWriting()) await sleep(1);
    const seconds = (performance.now() - startedAt) / 1000;
    return { perSecond: accounts / seconds, p99Ms: waits.length === 0 ? 0 : percentile(waits, 0.99) };
  } finally {
    await limiter.close();
    await store.close();
    client.disconnect();
  }
}

/** No server listens there. */
const NO_PORT = 1;
const RETRY_MS = 50;
