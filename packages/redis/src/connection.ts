import { createHash } from 'node:crypto';
import { StoreError } from '@tollgate/core';
import { within } from '@tollgate/core/kit';
import calculateSlot from 'cluster-key-slot';

/**
 * The members of an ioredis client or Cluster that the store uses. The classes of ioredis 5 and 6 are different types,
 * and a program may have either.
 */
export interface RedisClient {
  readonly status: string;
  readonly isCluster: boolean;
  readonly options: { readonly keyPrefix?: string | undefined };
  call(command: string, args: (string | Buffer | number)[]): Promise<unknown>;
  callBuffer(command: string, args: (string | Buffer | number)[]): Promise<unknown>;
  sendCommand(command: never, stream?: never): unknown;
  connect(): Promise<void>;
  disconnect(): void;
  once(event: 'ready', listener: () => void): unknown;
  off(event: 'ready', listener: () => void): unknown;
}

/** A Cluster also has the nodes of every slot, the master first. */
interface Slots {
  readonly slots: readonly (readonly string[] | undefined)[];
}

/** A script's text, and its hash, by which Redis finds the text once it has seen it. */
export class Script {
  readonly text: string;
  readonly sha: string;

  constructor(text: string) {
    this.text = text;
    this.sha = createHash('sha1').update(text).digest('hex');
  }
}

type Answer = string | number | null | Answer[];

/** The members of ioredis that send a command. */
interface Caller {
  call(command: string, ...args: (string | number)[]): Promise<Answer>;
  callBuffer(command: string, ...args: (string | number)[]): Promise<unknown>;
}

/**
 * Sends commands through the caller's client, each at most once. The error of a failed command says whether the command
 * may have had an effect.
 */
export class Connection {
  readonly #client: RedisClient;
  readonly #caller: Caller;
  readonly #task: string;
  /** Called at the next connection. One listener on the client serves all. */
  readonly #waiting = new Set<() => void>();
  /** The client puts it before every key. */
  readonly keyPrefix: string;
  readonly isCluster: boolean;

  /** `task` completes the error message "Redis could not …". */
  constructor(client: RedisClient, task: string = CHARGE) {
    this.#client = client;
    this.#task = task;
    this.#caller = onceSender(client);
    this.keyPrefix = client.options.keyPrefix ?? '';
    this.isCluster = client.isCluster;
  }

  /** Whether the client would send a command at once. */
  get ready(): boolean {
    return this.#client.status === 'ready';
  }

  /** Whether the client has given up for good. */
  get ended(): boolean {
    return this.#client.status === 'end';
  }

  /** Calls back once, at the next connection. A client that connects lazily is made to connect. */
  whenReady(listener: () => void): void {
    if (this.#waiting.size === 0) this.#client.once('ready', this.#connected);
    this.#waiting.add(listener);
    // The client itself reports a failure to connect.
    if (this.#client.status === 'wait') this.#client.connect().catch(() => {});
  }

  forget(listener: () => void): void {
    if (this.#waiting.delete(listener) && this.#waiting.size === 0) this.#client.off('ready', this.#connected);
  }

  /** Waits until the client is connected, for at most `timeoutMs`. */
  async connected(timeoutMs: number): Promise<void> {
    if (this.ready) return;
    if (this.ended) throw this.noConnection();
    let ready = () => {};
    const connection = new Promise<void>((resolve) => {
      ready = resolve;
    });
    this.whenReady(ready);
    try {
      await within(connection, timeoutMs, () => {
        throw this.noConnection();
      });
    } finally {
      this.forget(ready);
    }
  }

  /** The error of a command that was not sent, since there is no connection. */
  noConnection(): StoreError {
    return new StoreError(`Redis could not ${this.#task}: there is no connection`, { charged: 'no' });
  }

  /** The slot of a key on a cluster, else 0. All keys of a script must lie in one. */
  slotOf(key: string): number {
    return this.isCluster ? calculateSlot(this.keyPrefix + key) : 0;
  }

  /** The master that the client believes to have the key. */
  shardOf(key: string): string {
    return (this.#client as RedisClient & Slots).slots[this.slotOf(key)]?.[0] ?? '';
  }

  /** Runs a script by its hash, and sends the text only to a server that does not know it. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<Answer> {
    return this.#run((command, ...rest) => this.#caller.call(command, ...rest), script, keys, args);
  }

  /** Runs a script that replies with bytes. */
  runForBytes(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#run((command, ...rest) => this.#caller.callBuffer(command, ...rest), script, keys, args);
  }

  async send(command: string, ...args: readonly (string | number)[]): Promise<Answer> {
    try {
      return await this.#caller.call(command, ...args);
    } catch (error) {
      throw failure(error, this.#task);
    }
  }

  readonly #connected = (): void => {
    const listeners = [...this.#waiting];
    this.#waiting.clear();
    for (const listener of listeners) listener();
  };

  async #run<A>(
    send: (command: string, ...args: (string | number)[]) => Promise<A>,
    { sha, text }: Script,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<A> {
    try {
      return await send('EVALSHA', sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isReplyError(error) || !error.message.startsWith('NOSCRIPT')) throw failure(error, this.#task);
    }
    try {
      return await send('EVAL', text, keys.length, ...keys, ...args);
    } catch (error) {
      throw failure(error, this.#task);
    }
  }
}

/**
 * The client, without two habits of ioredis. When a connection breaks, ioredis sends unanswered commands again, and a
 * charge could count twice. Only commands from the middle of a pipeline are exempt, so each of ours claims to be one.
 * And ioredis may gather commands in pipelines of its own, which would undo that.
 */
function onceSender(client: RedisClient): Caller {
  const options = Object.create(client.options, { enableAutoPipelining: { value: false } });
  return Object.create(client, {
    options: { value: options },
    sendCommand: {
      value: (command: { pipelineIndex?: number }, stream: never) => {
        command.pipelineIndex = NO_INDEX;
        return client.sendCommand(command as never, stream);
      },
    },
  });
}

const NO_INDEX = -1;

function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Nothing was counted if the server replied with an error, or the command was never written. */
function failure(error: unknown, task: string): StoreError {
  const { name = '', message = String(error) } = (error ?? {}) as Partial<Error>;
  const unsent =
    name === 'MaxRetriesPerRequestError' || /enableOfflineQueue|subscriber mode|ClusterAllFailed/.test(message);
  const charged = isReplyError(error) || unsent ? 'no' : 'unknown';
  return new StoreError(`Redis could not ${task}: ${message.slice(0, 200)}`, { charged, cause: error });
}

const CHARGE = 'take the charge';
