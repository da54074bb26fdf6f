import type { RedisClient } from './client.js';
import type { Opening } from './silence.js';

/**
 * Follows a client for all connections that share it: whether commands can be sent now, and what the network or the
 * server answered last if not. It has one listener for each event of the client, however many use it.
 */
export class ClientWatch {
  readonly #client: RedisClient;
  #users = 0;
  /** Called once, at the next connection. */
  readonly #waiting = new Set<() => void>();
  /** The errors since the client was last ready, the latest last: by the node of a Cluster, else under `''`. */
  readonly #errors = new Map<string, unknown>();
  /** Whether commands go to the database that the client was made for. */
  #isInDatabase: boolean;
  #isRefused = false;
  #wasReady: boolean;
  /** Counts connections, so that an answer from an earlier one is recognised. */
  #connections = 0;

  private constructor(client: RedisClient) {
    this.#client = client;
    this.#wasReady = client.status === 'ready';
    this.#isInDatabase = this.#wasReady && this.#database === 0;
  }

  /** The watch of the client, which the caller leaves when it no longer needs it. */
  static join(client: RedisClient): ClientWatch {
    let watch = WATCHES.get(client);
    if (watch === undefined) {
      watch = new ClientWatch(client);
      WATCHES.set(client, watch);
      watch.#begin();
    }
    watch.#users++;
    return watch;
  }

  leave(): void {
    this.#users--;
    if (this.#users > 0) return;
    WATCHES.delete(this.#client);
    for (const [event, listener] of this.#listeners) this.#client.off(event, listener);
  }

  /** Whether the client would send a command at once, and to the right database. */
  get ready(): boolean {
    return this.#isInDatabase && this.#client.status === 'ready';
  }

  /** Whether the client has given up for good. */
  get ended(): boolean {
    return this.#client.status === 'end';
  }

  /** The connection that is open and not ready yet; else `undefined`. */
  get opening(): Opening | undefined {
    const { status } = this.#client;
    const isOpening = status === 'connect' || (status === 'ready' && !this.#isInDatabase && !this.#isRefused);
    const { stream } = this.#client as { readonly stream?: { readonly bytesRead?: number } };
    return isOpening ? { connection: this.#connections, bytesRead: stream?.bytesRead ?? 0 } : undefined;
  }

  /** Why there is no connection, as far as that is known. */
  get error(): unknown {
    return [...this.#errors.values()].at(-1) ?? (this.#waitsForTls ? new Error(NO_TLS) : undefined);
  }

  errorOf(node: string): unknown {
    return this.#errors.get(node);
  }

  /** The node has answered. */
  answered(node: string): void {
    if (this.#errors.size > 0) this.#errors.delete(node);
  }

  note(node: string, error: unknown): void {
    // ioredis repeats in general terms what it has reported precisely before.
    if (this.#errors.size > 0 && isGeneral(error)) return;
    this.#errors.delete(node);
    this.#errors.set(node, error);
    if (this.#errors.size > MOST_ERRORS) this.#errors.delete(this.#errors.keys().next().value!);
  }

  /** Calls back once, at the next connection. A client that connects lazily is made to connect. */
  whenReady(listener: () => void): void {
    this.#waiting.add(listener);
    // The client itself reports a failure to connect.
    if (this.#client.status === 'wait') this.#client.connect().catch(() => {});
  }

  forget(listener: () => void): void {
    this.#waiting.delete(listener);
  }

  /** Closes a connection that is silent, so that the client opens another. On a Cluster, only that of the node. */
  reconnect(node: string): void {
    if (node === '') this.#client.disconnect(true);
    else this.#nodeOf(node)?.disconnect(true);
  }

  /** The number that the client has now: a program may have selected another one. A Cluster has only 0. */
  get #database(): number {
    const { isCluster, options, condition } = this.#client as RedisClient & Selected;
    return isCluster ? 0 : (condition?.select ?? options.db ?? 0);
  }

  #begin(): void {
    for (const [event, listener] of this.#listeners) this.#client.on(event, listener);
    if (this.#client.status === 'ready') this.#opened();
  }

  /**
   * ioredis selects a database when it connects, and goes on in database 0 where that fails. Selecting it once more
   * shows whether it has failed.
   */
  readonly #opened = (): void => {
    this.#wasReady = true;
    const database = this.#database;
    if (database === 0) {
      this.#enter();
      return;
    }
    const connection = this.#connections;
    this.#client.call('SELECT', [database]).then(
      () => {
        if (connection === this.#connections) this.#enter();
      },
      (error) => {
        if (connection !== this.#connections) return;
        this.#isRefused = true;
        this.note('', error);
      },
    );
  };

  #enter(): void {
    this.#isInDatabase = true;
    this.#errors.clear();
    const listeners = [...this.#waiting];
    this.#waiting.clear();
    for (const listener of listeners) listener();
  }

  readonly #closed = (): void => {
    if (!this.#wasReady && this.#errors.size === 0 && !this.ended) this.note('', new Error(CLOSED_EARLY));
    this.#connections++;
    this.#wasReady = false;
    this.#isInDatabase = false;
    this.#isRefused = false;
  };

  readonly #failed = (error: unknown): void => this.note('', error);

  readonly #nodeFailed = (error: unknown, node: unknown): void => {
    this.note(String(node), error);
    if (this.#errors.get(String(node)) === error && isGeneral(error)) this.#inquire(String(node));
  };

  /** A Cluster keeps to itself why it cannot connect to a node. Another connection to it fails for the same reason. */
  #inquire(node: string): void {
    const inquiry = this.#nodeOf(node)?.duplicate({ lazyConnect: true, retryStrategy: null });
    if (inquiry === undefined) return;
    inquiry.on('error', (error) => {
      if (isGeneral(this.#errors.get(node))) this.note(node, error);
    });
    inquiry
      .connect()
      .catch(() => {})
      .finally(() => inquiry.disconnect());
  }

  #nodeOf(node: string): ClusterNode | undefined {
    return (this.#client as RedisClient & ClusterNodes)
      .nodes()
      .find(({ options: { host, port } }) => `${host}:${port}` === node);
  }

  /** The server has accepted the connection, and has not answered in TLS yet. */
  get #waitsForTls(): boolean {
    const { status, options, stream } = this.#client as RedisClient & Stream;
    return status === 'connecting' && Boolean(options.tls) && stream?.connecting === false;
  }

  readonly #listeners: readonly (readonly [event: string, listener: (...args: unknown[]) => void])[] = [
    ['ready', this.#opened],
    ['close', this.#closed],
    // Without a listener ioredis writes errors to the console. They are reported as warnings instead.
    ['error', this.#failed],
    // Of a Cluster.
    ['node error', this.#nodeFailed],
  ];
}

const WATCHES = new WeakMap<RedisClient, ClientWatch>();

/** The members of a Cluster and of a single client that only the watch needs. */
interface ClusterNodes {
  nodes(): readonly ClusterNode[];
}

interface ClusterNode extends RedisClient {
  readonly options: RedisClient['options'] & { readonly host?: string; readonly port?: number };
  duplicate(options: { readonly lazyConnect: true; readonly retryStrategy: null }): RedisClient;
}

interface Stream {
  readonly options: { readonly tls?: unknown };
  readonly stream?: { readonly connecting: boolean };
}

interface Selected {
  readonly condition?: { readonly select?: number } | null;
}

/** More than any cluster has nodes. */
const MOST_ERRORS = 1024;
const CLOSED_EARLY = 'Redis closed the connection before it was ready, as a server does that expects TLS (rediss:)';

const NO_TLS = 'Redis accepts the connection and does not answer in TLS, as a server does that expects none (redis:)';

function isGeneral(error: unknown): boolean {
  const { name, message } = (error ?? {}) as Partial<Error>;
  return name === 'ClusterAllFailedError' || message === 'Connection is closed.';
}
