import { createHash } from 'node:crypto';
import { StoreError } from '@tollgate/core';
import calculateSlot from 'cluster-key-slot';

/**
 * As much of an ioredis client or Cluster as the store uses. Described by its members and not by the classes, since those of
 * ioredis 5 and 6 are different types, and a program may have either.
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

/** What a Cluster has besides: the nodes of every slot, the master first. */
interface Slots {
  readonly slots: readonly (readonly string[] | undefined)[];
}

/** A script's text, and the name by which Redis knows it once it has seen it. */
export class Script {
  readonly text: string;
  readonly sha: string;

  constructor(text: string) {
    this.text = text;
    this.sha = createHash('sha1').update(text).digest('hex');
  }
}

type Answer = string | number | null | Answer[];

/** As much of ioredis as is used here. */
interface Caller {
  call(command: string, ...args: (string | number)[]): Promise<Answer>;
  callBuffer(command: string, ...args: (string | number)[]): Promise<unknown>;
}

/** Sends commands through the caller's client, each at most once, and tells of a failure whether it may have had effect. */
export class Connection {
  readonly #client: RedisClient;
  readonly #caller: Caller;
  readonly #task: string;
  /** What the client puts before every key. */
  readonly keyPrefix: string;
  readonly isCluster: boolean;

  /** `task` is what Redis could not do, in errors. */
  constructor(client: RedisClient, task: string = CHARGE) {
    this.#client = client;
    this.#task = task;
    this.#caller = onceSender(client);
    this.keyPrefix = client.options.keyPrefix ?? '';
    this.isCluster = client.isCluster;
  }

  /** Whether a command would go out at once. */
  get ready(): boolean {
    return this.#client.status === 'ready';
  }

  /** Whether the client has given up for good. */
  get ended(): boolean {
    return this.#client.status === 'end';
  }

  /** Has a client that is only to connect when it is used connect, and calls back at the next connection. */
  whenReady(listener: () => void): void {
    this.#client.once('ready', listener);
    // Its failure is the client's own to tell.
    if (this.#client.status === 'wait') this.#client.connect().catch(() => {});
  }

  /** Waits for a connection, but no longer than that. */
  connected(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (done: () => void) => {
        clearTimeout(timer);
        this.forget(ready);
        done();
      };
      const ready = () => settle(resolve);
      const late = () => settle(() => reject(noConnection(this.#task)));
      const timer = setTimeout(late, timeoutMs);
      if (this.ended) late();
      else this.whenReady(ready);
    });
  }

  forget(listener: () => void): void {
    this.#client.off('ready', listener);
  }

  /** Keys of one group may go together in one script; without a cluster all do. */
  groupOf(key: string): number {
    return this.isCluster ? calculateSlot(this.keyPrefix + key) : 0;
  }

  /** The master that a cluster keeps the key on, as far as is known. */
  shardOf(key: string): string {
    return (this.#client as RedisClient & Slots).slots[this.groupOf(key)]?.[0] ?? '';
  }

  /** Runs a script by its name, and sends the text only to a server that does not know it. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<Answer> {
    return this.#run((command, ...rest) => this.#caller.call(command, ...rest), script, keys, args);
  }

  /** The same of a script that answers with bytes. */
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
 * The client, but for two habits of ioredis. When a connection breaks it sends unanswered commands again, and a charge
 * could count twice; only commands out of the middle of a pipeline are exempt, so each of ours says that it is one. And it
 * may gather commands in pipelines of its own, which would undo that.
 */
function onceSender(client: RedisClient): Caller {
  const options = Object.create(client.options, { enableAutoPipelining: { value: false } });
  return Object.create(client, {
    options: { value: options },
    sendCommand: {
      value: (command: { pipelineIndex?: number }, stream: never) => {
        command.pipelineIndex = NO_PLACE;
        return client.sendCommand(command as never, stream);
      },
    },
  });
}

const NO_PLACE = -1;

function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Nothing was counted where the server answered with an error, or the command was never written. */
function failure(error: unknown, task: string): StoreError {
  const { name = '', message = String(error) } = (error ?? {}) as Partial<Error>;
  const unsent =
    name === 'MaxRetriesPerRequestError' || /enableOfflineQueue|subscriber mode|ClusterAllFailed/.test(message);
  const charged = isReplyError(error) || unsent ? 'no' : 'unknown';
  return new StoreError(`Redis could not ${task}: ${message.slice(0, 200)}`, { charged, cause: error });
}

export function noConnection(task: string = CHARGE): StoreError {
  return new StoreError(`Redis could not ${task}: there is no connection`, { charged: 'no' });
}

const CHARGE = 'take the charge';
