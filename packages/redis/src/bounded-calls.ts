import { StoreError } from '@tollgate/core';
import { within } from '@tollgate/core/kit';
import type { Connection, Script } from './connection.js';

type Answer = Awaited<ReturnType<Connection['run']>>;

/** Commands that settle within `timeoutMs`. The wait for a connection is part of it. */
export class BoundedCalls {
  readonly #connection: Connection;
  readonly #timeoutMs: number;

  constructor(connection: Connection, timeoutMs: number) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
  }

  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<Answer> {
    return this.#bound(() => this.#connection.run(script, keys, args));
  }

  send(command: string, key: string, ...args: readonly (string | number)[]): Promise<Answer> {
    return this.#bound(() => this.#connection.send(command, key, ...args));
  }

  #bound(send: () => Promise<Answer>): Promise<Answer> {
    // Without a connection, `connected` fails just before this wait ends, and nothing is sent any more.
    const answer = this.#connection.connected(this.#timeoutMs).then(send);
    return within(answer, this.#timeoutMs, () => {
      const cause = this.#connection.error;
      // Redis may still carry out what was sent.
      throw new StoreError(`Redis did not answer within ${this.#timeoutMs} ms`, {
        charged: 'unknown',
        ...(cause !== undefined && { cause }),
      });
    });
  }
}
