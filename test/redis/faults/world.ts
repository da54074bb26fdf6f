import { monitorEventLoopDelay } from 'node:perf_hooks';
import { definePolicy, type Health, type Policy, perMinute, RateLimiter } from '@tollgate/core';
import { RedisStore, type RedisStoreOptions } from '@tollgate/redis';
import { type Cluster, Redis } from 'ioredis';
import { expect } from 'vitest';
import { until } from '../../redis-servers/standalone.js';
import { type RunningApp, type StartApp, startExpress, startFastify } from './servers.js';
import { type Answer, KINDS, type Kind, Traffic } from './traffic.js';

export const TIMEOUT_MS = 100;
/** How much longer than the deadline a request may take on a busy machine. */
const NOISE_MS = 400;
const GREEDY_LIMIT = 20;
const LASTS_MS = 600;

export const policy: Policy = definePolicy({
  quotas: [perMinute(1_000_000)],
  categories: { greedy: [perMinute(GREEDY_LIMIT)] },
  known: { categories: ['calm', 'legs', 'open', 'shut'] },
  onStoreFailure: { default: 'local', categories: { open: 'allow', shut: 'deny' } },
});

export type Client = Redis | Cluster;

/** One instance of a service: a server, its limiter, and a client of Redis. */
export interface InstanceOptions {
  readonly name: string;
  readonly start: StartApp;
  readonly store: Omit<RedisStoreOptions, 'timeoutMs' | 'client'> & { readonly client?: Client };
}

export class Instance {
  readonly name: string;
  readonly store: RedisStore;
  readonly limiter: RateLimiter;
  readonly client: Client | undefined;
  readonly #start: StartApp;
  #app!: RunningApp;
  traffic!: Traffic;
  #listeners: Record<string, number>;

  constructor({ name, start, store }: InstanceOptions) {
    this.name = name;
    this.client = store.client;
    // One for errors is the test's own.
    this.#listeners = this.client === undefined ? {} : { ready: 1, close: 1, error: 2, 'node error': 1 };
    this.#start = start;
    this.store = new RedisStore({ prefix: PREFIX, ...store, timeoutMs: TIMEOUT_MS });
    this.limiter = new RateLimiter({ policy, store: this.store });
  }

  async start(): Promise<void> {
    this.#app = await this.#start({ limiter: this.limiter });
    this.traffic = new Traffic(this.#app.origin, this.name);
  }

  /** Whether everything is back to normal. */
  async isNormal(): Promise<boolean> {
    if (this.limiter.health().state !== 'up') return false;
    const answers = await Promise.all(KINDS.map((kind) => this.traffic.ask(kind)));
    return answers.every(({ kind, status, source }) =>
      kind === 'greedy' ? true : status === 200 && source === 'store',
    );
  }

  /** A client that is not connected yet has temporary listeners of its own. */
  noteListeners(): void {
    if (this.client?.status === 'ready') this.#listeners = listenersOf(this.client);
  }

  async settle(): Promise<void> {
    await this.traffic.stop();
    await until('the store to owe and be owed nothing', () => {
      return this.store.stats().pending === 0 && this.limiter.health().writeBack.pending === 0;
    });
    expect(listenersOf(this.client), `${this.name}: listeners on the client`).toEqual(this.#listeners);
  }

  /** The cost that the store has counted for an account. */
  async counted(kind: Kind): Promise<number> {
    const { source, tightest } = await this.limiter.peek({ account: `${kind}-${this.name}`, category: kind });
    expect(source).toBe('store');
    return tightest!.used;
  }

  async close(): Promise<void> {
    await this.traffic?.close();
    await this.#app?.close();
    await this.limiter.close();
    await this.store.close();
    this.client?.disconnect();
  }
}

export interface Fault {
  readonly befall: () => unknown;
  /** Ends the fault. */
  readonly end?: () => unknown;
}

/** What clients may see of a fault, and whether Redis loses its keys. */
export interface Expected {
  /** Whether Redis is out of reach for long enough that the circuit opens. */
  readonly outage?: boolean;
  readonly forgets?: boolean;
}

/** What the traffic measured. */
export interface Seen {
  readonly requests: number;
  readonly longestMs: number;
  /** The longest time for which this process, which is client and service at once, was blocked. */
  readonly stalledMs: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** From the end of the fault until every instance is served by Redis again. */
  readonly normalAfterMs: number;
  readonly health: readonly Health[];
}

/** Several instances on one Redis, with traffic to all of them. */
export class World {
  readonly instances: readonly Instance[];
  readonly #atATime: number;

  private constructor(instances: readonly Instance[], atATime: number) {
    this.instances = instances;
    this.#atATime = atATime;
  }

  static async start(instances: readonly InstanceOptions[], { up = true, atATime = 30 } = {}): Promise<World> {
    const world = new World(
      instances.map((options) => new Instance(options)),
      Math.ceil(atATime / instances.length),
    );
    for (const instance of world.instances) await instance.start();
    if (up) await world.normal();
    for (const instance of world.instances) instance.noteListeners();
    return world;
  }

  /** Waits until every instance is served by Redis. */
  async normal(): Promise<void> {
    for (const instance of this.instances) {
      await until(`${instance.name} to be served by Redis`, () => instance.isNormal());
    }
  }

  /** Sends steady traffic before, during and after a fault, and checks every promise. */
  async through(fault: Fault, expected: Expected = {}): Promise<Seen> {
    for (const { traffic } of this.instances) traffic.start(this.#atATime);
    await pause(300);
    const stalls = monitorEventLoopDelay({ resolution: 5 });
    stalls.enable();
    const from = performance.now();
    await fault.befall();
    for (const { traffic } of this.instances) traffic.newcomers = true;
    await pause(LASTS_MS);
    await fault.end?.();
    const over = performance.now();
    await this.normal();
    const normalAfterMs = performance.now() - over;
    await pause(100);
    stalls.disable();
    const stalledMs = Math.round(stalls.max / 1e6);
    for (const instance of this.instances) await instance.settle();
    for (const instance of this.instances) {
      expect(longestWait(instance.traffic.answers, from), `${instance.name}: the longest wait`).toBeLessThan(
        TIMEOUT_MS + NOISE_MS + stalledMs,
      );
      await this.#check(instance, expected, from, over);
    }
    const answers = this.instances.flatMap(({ traffic }) => traffic.answers);
    return {
      requests: answers.length,
      longestMs: longestWait(answers, from),
      stalledMs,
      statuses: countBy(answers, ({ kind, status }) => `${kind} ${status}`),
      normalAfterMs: Math.round(normalAfterMs),
      health: this.instances.map(({ limiter }) => limiter.health()),
    };
  }

  async close(): Promise<void> {
    for (const instance of this.instances) await instance.close();
  }

  async #check(instance: Instance, { outage, forgets }: Expected, from: number, over: number): Promise<void> {
    const { name, limiter, traffic } = instance;
    const of = (kind: Kind) => traffic.answers.filter((answer) => answer.kind === kind);
    // The fault neither refuses nor exempts anybody.
    expect(statusesOf(of('calm')), `${name}: calm`).toEqual([200]);
    expect(statusesOf(of('open')), `${name}: open`).toEqual([200]);
    expect(statusesOf(of('greedy')), `${name}: greedy`).toEqual([200, 429]);
    expect(statusesOf(of('shut').filter(({ status }) => status !== 503)), `${name}: shut`).toEqual([200]);
    for (const account of new Set(of('greedy').map(({ account }) => account))) {
      const admitted = of('greedy').filter((answer) => answer.account === account && answer.status === 200);
      const locally = admitted.filter(({ source }) => source === 'local').length;
      expect(locally, `${account}: admitted locally`).toBeLessThanOrEqual(GREEDY_LIMIT);
      expect(admitted.length, `${account}: admitted`).toBeLessThanOrEqual(GREEDY_LIMIT * (forgets ? 2 : 1));
      expect(admitted.length, `${account}: admitted`).toBeGreaterThan(0);
    }
    if (outage) {
      const faulty = traffic.answers.filter(({ askedAt }) => askedAt >= from && askedAt < over);
      const seen = (kind: Kind) => faulty.filter((answer) => answer.kind === kind);
      expect(statusesOf(seen('shut')), `${name}: shut, meanwhile`).toContain(503);
      expect(
        seen('calm').some(({ source }) => source === 'local'),
        `${name}: calm, meanwhile`,
      ).toBe(true);
      expect(
        seen('open').some(({ source }) => source === 'none'),
        `${name}: open, meanwhile`,
      ).toBe(true);
    }

    // An admitted request counts at most once. What the store answered for counts, unless it lost its keys.
    const counted = await instance.counted('calm');
    const calm = of('calm');
    expect(counted, `${name}: counted`).toBeLessThanOrEqual(calm.length);
    if (!forgets) {
      const stored = calm.filter(({ source }) => source === 'store').length;
      expect(counted, `${name}: counted`).toBeGreaterThanOrEqual(stored + limiterWritten(limiter));
    }
    expect(limiter.health().state).toBe('up');
  }
}

/** Of the categories that are written back, only `calm` has much room. The greedy client may use up the rest. */
function limiterWritten(limiter: RateLimiter): number {
  return Math.max(0, limiter.health().writeBack.written - 2 * GREEDY_LIMIT);
}

/** An Express and a Fastify server, each on an ordinary client of its own. */
export function twoInstances(connect: () => Client): InstanceOptions[] {
  return [
    { name: 'express', start: startExpress, store: { client: quiet(connect()) } },
    { name: 'fastify', start: startFastify, store: { client: quiet(connect()) } },
  ];
}

export const PREFIX = 'faults';

/** A test expects outages. Without a listener ioredis writes each failure to the console. */
export function quiet<C extends Client>(client: C): C {
  client.on('error', () => {});
  return client;
}

/** The keys of the store without an expiry. */
export async function keysWithoutExpiry(client: Redis): Promise<string[]> {
  const lasting: string[] = [];
  for await (const keys of client.scanStream({ match: `*${PREFIX}:*`, count: 1000 })) {
    for (const key of keys as string[]) if ((await client.pttl(key)) === -1) lasting.push(key);
  }
  return lasting;
}

/** A client through which tests cause faults, and which `CLIENT KILL` spares. */
export function operator(port: number): Redis {
  return quiet(new Redis(port, '127.0.0.1'));
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function listenersOf(client: Client | undefined): Record<string, number> {
  if (client === undefined) return {};
  return Object.fromEntries(client.eventNames().map((name) => [String(name), client.listenerCount(name)]));
}

/** The requests that were in flight at an instant, or sent later. */
function longestWait(answers: readonly Answer[], from: number): number {
  const met = answers.filter(({ askedAt, waitedMs }) => askedAt + waitedMs >= from);
  return Math.round(Math.max(...met.map(({ waitedMs }) => waitedMs)));
}

function statusesOf(answers: readonly Answer[]): number[] {
  return [...new Set(answers.map(({ status }) => status))].sort();
}

function countBy<T>(values: readonly T[], name: (value: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[name(value)] = (counts[name(value)] ?? 0) + 1;
  return counts;
}

/** With `FAULT_TABLE=1` prints a row for the table in `docs/failure.md`. */
export function report(name: string, { requests, longestMs, stalledMs, statuses, normalAfterMs, health }: Seen): void {
  if (process.env['FAULT_TABLE'] === undefined) return;
  console.log(name, JSON.stringify({ requests, longestMs, stalledMs, statuses, normalAfterMs }));
  for (const one of health) console.log(JSON.stringify(one));
}
