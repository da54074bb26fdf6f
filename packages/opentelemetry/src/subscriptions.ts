import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ChannelMessages } from '@tollgate/core/channels';

/** As much of the messages of `tollgate:redis-call` as is told: the Redis store need not be there. */
export interface RedisCall {
  readonly store: object;
  readonly operations: number;
  readonly merged: number;
  readonly error: unknown;
}

interface Messages extends ChannelMessages {
  readonly 'tollgate:redis-call': RedisCall;
}

/** Subscriptions that end together. */
export class Subscriptions {
  readonly #ends: (() => void)[] = [];

  to<Name extends keyof Messages>(name: Name, listener: (message: Messages[Name]) => void): void {
    const own = (message: unknown) => listener(message as Messages[Name]);
    subscribe(name, own);
    this.#ends.push(() => unsubscribe(name, own));
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}
