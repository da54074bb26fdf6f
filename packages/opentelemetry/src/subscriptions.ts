import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ChannelMessages } from '@tollgate/core/channels';

interface Messages extends ChannelMessages {
  /** The fields that are read here; the Redis package need not be installed. */
  readonly 'tollgate:redis-call': { readonly operations: number; readonly merged: number; readonly error: unknown };
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
