import { createHash } from 'node:crypto';
import { type Clock, StoreError } from '@tollgate/core';
import { causeInWords, entryOf, monotonicClock, within } from '@tollgate/core/kit';
import calculateSlot from 'cluster-key-slot';
import type { RedisClient } from './client.js';
import { ClientWatch } from './client-watch.js';
import { SILENT_MS, Silence } from './silence.js';

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
 * may have had an effect, and its cause is what the server or the network answered.
 */
export class Connection {
  readonly #client: RedisClient;
  readonly #caller: Caller;
  readonly #watch: ClientWatch;
  readonly #silence: Silence;
  readonly #task: string;
  /** The client puts it before every key. */
  readonly keyPrefix: string;
  readonly isCluster: boolean;
  closed = false;

  /** `task` completes the error message "Redis could not …". */
  constructor(client: RedisClient, task: string = CHARGE, clock: Clock = monotonicClock) {
    this.#client = client;
    this.#task = task;
    this.#caller = onceSender(client);
    this.#watch = ClientWatch.join(client);
    this.#silence = new Silence(clock);
    this.keyPrefix = client.options.keyPrefix ?? '';
    this.isCluster = client.isCluster;
  }

  /** Whether the client would send a command at once, and to the right database. */
  get ready(): boolean {
    return this.#watch.ready;
  }

  /** Whether the client has given up for good. */
  get ended(): boolean {
    return this.#watch.ended;
  }

  /** What the network or the server answered last, if there is no connection. */
  get error(): unknown {
    return this.ready ? undefined : this.#watch.error;
  }

  /** Why the key's commands are not answered, as far as that is known. */
  errorOf(key: string): unknown {
    return this.error ?? this.#watch.errorOf(this.#nodeOf(key));
  }

  /** Calls back once, at the next connection. A client that connects lazily is made to connect. */
  whenReady(listener: () => void): void {
    this.#watch.whenReady(listener);
  }

  forget(listener: () => void): void {
    this.#watch.forget(listener);
  }

  /** Waits until the client is connected, for at most `timeoutMs`. Opens a connection anew that is silent. */
  async connected(timeoutMs: number): Promise<void> {
    this.heal();
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

  /**
   * Opens a connection anew on which nothing is answered, whatever the client's own timeouts are. Called before the
   * store is tried again after a failure.
   */
  heal(): void {
    // After a stall of the process answers may lie unread. Node reads them first.
    setImmediate(() => {
      if (this.closed) return;
      for (const node of this.#silence.silent()) this.#reconnect(node);
      if (this.#silence.opensTooLong(this.#watch.opening)) this.#reconnect('');
    });
  }

  /** The error of a command that was not sent, since there is no connection. */
  noConnection(): StoreError {
    const cause = this.#watch.error;
    const why = cause === undefined ? '' : ` (${causeInWords(cause)})`;
    return new StoreError(`Redis could not ${this.#task}: there is no connection${why}`, {
      charged: 'no',
      ...(cause !== undefined && { cause }),
    });
  }

  /** The slot of a key on a cluster, else 0. All keys of a script must lie in one. */
  slotOf(key: string): number {
    return this.isCluster ? calculateSlot(this.keyPrefix + key) : 0;
  }

  /** The master that the client believes to have the key. */
  shardOf(key: string): string {
    return (this.#client as RedisClient & Slots).slots[this.slotOf(key)]?.[0] ?? '';
  }

  /** One of the keys for each master of a cluster, since rights and failures are a master's own; else one key. */
  keyOfEachMaster(keyOf: (number: number) => string): string[] {
    if (!this.isCluster) return [keyOf(0)];
    const { slots } = this.#client as RedisClient & Slots;
    const masters = new Set(slots.map((nodes) => nodes?.[0]));
    const keys = new Map<string, string>();
    for (let number = 0; keys.size < masters.size && number < MOST_TRIED; number++) {
      entryOf(keys, this.shardOf(keyOf(number)), () => keyOf(number));
    }
    return [...keys.values()];
  }

  /** Runs a script by its hash, and sends the text only to a server that does not know it. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<Answer> {
    return this.#run((command, ...rest) => this.#caller.call(command, ...rest), script, keys, args);
  }

  /** Runs a script that replies with bytes. */
  runForBytes(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#run((command, ...rest) => this.#caller.callBuffer(command, ...rest), script, keys, args);
  }

  /** Sends a command of one key. */
  async send(command: string, key: string, ...args: readonly (string | number)[]): Promise<Answer> {
    const node = this.#sent(key);
    try {
      return await this.#caller.call(command, key, ...args);
    } catch (error) {
      throw this.#failure(error, node);
    } finally {
      this.#silence.answered(node);
    }
  }

  /** Ends its part in the client's listeners. The client itself stays as it is. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#watch.leave();
  }

  async #run<A>(
    send: (command: string, ...args: (string | number)[]) => Promise<A>,
    { sha, text }: Script,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<A> {
    const node = this.#sent(keys[0]!);
    try {
      let answer: A;
      try {
        answer = await send('EVALSHA', sha, keys.length, ...keys, ...args);
      } catch (error) {
        if (!isReplyError(error) || !error.message.startsWith('NOSCRIPT')) throw error;
        answer = await send('EVAL', text, keys.length, ...keys, ...args);
      }
      this.#watch.answered(node);
      return answer;
    } catch (error) {
      throw this.#failure(error, node);
    } finally {
      this.#silence.answered(node);
    }
  }

  #sent(key: string): string {
    const node = this.#nodeOf(key);
    this.#silence.sent(node);
    return node;
  }

  #nodeOf(key: string): string {
    return this.isCluster ? this.shardOf(key) : '';
  }

  #reconnect(node: string): void {
    this.#watch.note(node, new Error(`Redis has not answered for ${SILENT_MS} ms`));
    this.#watch.reconnect(node);
  }

  /** Nothing was counted if the server replied with an error, or the command was never written. */
  #failure(error: unknown, node: string): StoreError {
    const { name = '', message = String(error) } = (error ?? {}) as Partial<Error>;
    const isReply = isReplyError(error);
    const unsent =
      name === 'MaxRetriesPerRequestError' || /enableOfflineQueue|subscriber mode|ClusterAllFailed/.test(message);
    const cause = isReply ? error : (this.#watch.errorOf(node) ?? this.error ?? error);
    return new StoreError(`Redis could not ${this.#task}: ${message.slice(0, 200)}`, {
      charged: isReply || unsent ? 'no' : 'unknown',
      cause,
    });
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

const CHARGE = 'take the charge';
/** Enough to find a key for a master of a single slot. */
const MOST_TRIED = 200_000;
