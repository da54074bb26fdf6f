import { StoreError } from '@tollgate/core';
import { type Connection, noConnection, type Script } from './connection.js';
import type { ConnectionWait } from './connection-wait.js';

type Answer = Awaited<ReturnType<Connection['run']>>;

/** Calls of Redis that are answered, or fail, within a time: that of waiting for a connection is part of it. */
export class BoundedCalls {
  readonly #connection: Connection;
  readonly #wait: ConnectionWait;
  readonly #timeoutMs: number;
  readonly #task: string;

  /** `task` is what Redis could not do, in errors. */
  constructor(connection: Connection, wait: ConnectionWait, timeoutMs: number, task: string = LIMITS_TASK) {
    this.#connection = connection;
    this.#wait = wait;
    this.#timeoutMs = timeoutMs;
    this.#task = task;
  }

  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<Answer> {
    return this.#call(() => this.#connection.run(script, keys, args));
  }

  send(command: string, ...args: readonly (string | number)[]): Promise<Answer> {
    return this.#call(() => this.#connection.send(command, ...args));
  }

  async #call(send: () => Promise<Answer>): Promise<Answer> {
    const askedAt = performance.now();
    if (!this.#connection.ready) {
      if (this.#connection.ended) throw noConnection(this.#task);
      await within(this.#wait.next(), this.#timeoutMs, () => noConnection(this.#task));
    }
    const leftMs = Math.max(1, this.#timeoutMs - (performance.now() - askedAt));
    return within(send(), leftMs, () => this.#late());
  }

  /** What was sent may be done all the same, when Redis gets to it. */
  #late(): StoreError {
    return new StoreError(`Redis did not answer within ${this.#timeoutMs} ms`, { charged: 'unknown' });
  }
}

/** What Redis cannot do, in errors. */
export const LIMITS_TASK = 'read or change the limits';

/** The promise's outcome, or the error where it takes longer. */
export function within<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
