import type { RedisClient } from '../client.js';

/** A client that can be duplicated: a connection that subscribes can send no other commands. */
export interface LimitsClient extends RedisClient {
  duplicate(...args: never[]): unknown;
}

/** The members of an ioredis client or Cluster that a subscription uses. */
interface Subscriber {
  connect(): Promise<void>;
  disconnect(): void;
  subscribe(channel: string): Promise<unknown>;
  on(event: 'ready' | 'error' | 'message', listener: () => void): unknown;
}

/**
 * Subscribes to a channel on a connection of its own, which reconnects on its own. Messages only save time: a
 * subscription that fails, as for a user that may not subscribe, reports no error, and everything works without it.
 */
export class Subscription {
  readonly #subscriber: Subscriber;

  /** Calls `notified` for each message, and when messages may have been missed. */
  constructor(client: LimitsClient, channel: string, notified: () => void) {
    this.#subscriber = duplicateOf(client);
    this.#subscriber.on('error', () => {});
    this.#subscriber.on('message', notified);
    this.#subscriber.on('ready', () => {
      this.#subscriber.subscribe(channel).then(notified, () => {});
    });
    this.#subscriber.connect().catch(() => {});
  }

  close(): void {
    this.#subscriber.disconnect();
  }
}

function duplicateOf(client: LimitsClient): Subscriber {
  const own = {
    keyPrefix: '',
    lazyConnect: true,
    // The listener for 'ready' subscribes on each new connection.
    autoResubscribe: false,
    // Between messages the connection is idle.
    socketTimeout: undefined,
  };
  const retry = (attempt: number) => Math.min(attempt * 100, 2000);
  if (client.isCluster) {
    const cluster = client as unknown as { duplicate(nodes: [], options: object): Subscriber };
    return cluster.duplicate([], { ...own, clusterRetryStrategy: retry });
  }
  const single = client as unknown as { duplicate(options: object): Subscriber };
  return single.duplicate({ ...own, retryStrategy: retry });
}
