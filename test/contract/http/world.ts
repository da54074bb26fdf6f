import { MemoryStore, perMinute } from '@tollgate/core';
import { legsApiOptions } from '@tollgate/core/http';
import { afterEach } from 'vitest';
import type { Adapter, CommonOptions, Running, Setup } from './adapter.js';
import { RawConnection, rawFetch } from './raw.js';

export const ENVELOPE_REST =
  ',"http_code":429,"response":{"error":{"code":"RATE_LIMIT_EXCEEDED","message":"Rate limit exceeded. Please retry after some time."}}}';
export const LEGS = '/v2/accounts/ameyo5m/legs';

/** What the tests of one adapter share. No function needs a `this`. */
export type HttpWorld = ReturnType<typeof httpWorld>;

/** Call it inside the `describe` of the adapter. After each test, it closes everything that the test has opened. */
export function httpWorld(adapter: Adapter) {
  /** Functions to call after each test, in this order. Tests may add to it. */
  const closing: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  /** The clock of memory stores. Only the test moves it. */
  const time = { now: 1_000_000 };
  const memory = () => new MemoryStore({ clock: () => time.now });

  /** A Legs API. */
  async function start(options: CommonOptions, setup: Partial<Setup> = {}): Promise<Running> {
    return startAll([options], setup);
  }

  async function startAll(limiters: readonly CommonOptions[], setup: Partial<Setup> = {}): Promise<Running> {
    return startPlain(
      limiters.map((options) => legsApiOptions<CommonOptions>(options)),
      setup,
    );
  }

  /** An API with these options alone. */
  async function startPlain(limiters: readonly CommonOptions[], setup: Partial<Setup> = {}): Promise<Running> {
    const running = await adapter.start({ ...setup, limiters });
    closing.push(running.close);
    return running;
  }

  function limited(limit: number, options: Partial<CommonOptions> = {}): CommonOptions {
    return { policy: { quotas: [perMinute(limit)] }, store: memory(), ...options };
  }

  function open(running: Running): RawConnection {
    const connection = new RawConnection(running.origin);
    closing.push(() => connection.close());
    return connection;
  }

  async function statuses(running: Running, paths: readonly string[], headers: readonly string[] = []) {
    const found: number[] = [];
    for (const path of paths) found.push((await rawFetch(running.origin, path, { headers })).status);
    return found;
  }

  return { closing, limited, memory, open, start, startAll, startPlain, statuses, time };
}
