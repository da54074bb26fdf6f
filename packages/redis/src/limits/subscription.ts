import type { RedisClient } from '../connection.js';

/** A client that can be had a second time: a connection that listens can do nothing else. */
export interface LimitsClient extends RedisClient {
  duplicate(...args: never[]): unknown;
}

/** As much of an ioredis client or Cluster as is used to listen. */
interface Subscriber {
  connect(): Promise<void>;
  disconnect(): void;
  subscribe(channel: string): Promise<unknown>;
  on(event: 'ready' | 'error' | 'message', listener: () => void): unknown;
}

/**
 * Listens to a channel, on a connection of its own that looks after itself. It only saves time: whatever is wrong with it,
 * such as a user that may not subscribe, it stays silent, and nobody may wait for what it would have told.
 */
export class Subscription {
  readonly #subscriber: Subscriber;

  /** `heard` is called for each message, and when messages may have been missed. */
  constructor(client: LimitsClient, channel: string, heard: () => void) {
    this.#subscriber = duplicateOf(client);
    this.#subscriber.on('error', () => {});
    this.#subscriber.on('message', heard);
    this.#subscriber.on('ready', () => {
      this.#subscriber.subscribe(channel).then(heard, () => {});
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
    // Each new connection subscribes by itself.
    autoResubscribe: false,
    // There is nothing to wait for between messages.
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
