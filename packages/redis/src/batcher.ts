import { randomInt } from 'node:crypto';
import { StoreError } from '@tollgate/core';
import { Call } from './call.js';
import { beginCall, type ToldStore } from './channels.js';
import { type Connection, noConnection, Script } from './connection.js';
import type { Keys } from './keys.js';
import type { Operation } from './operation.js';
import { CHARGE_SCRIPT } from './scripts/charge.js';

/**
 * Sends operations in as few calls as can be. Those that come in one turn of the event loop leave together, one call for
 * each slot group; those of an account whose call is under way wait for its answer and go together in the next. So an idle
 * store adds nothing to a round trip, and a busy account costs one call per round trip.
 *
 * Nothing here grows without bound: past `maxPending` an operation fails at once, and is known not to have counted.
 */
export class Batcher {
  readonly #store: ToldStore;
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #timeoutMs: number;
  readonly #maxBatch: number;
  readonly #maxPending: number;
  /** Accounts with something to send, and whether a call of theirs is under way. */
  readonly #lanes = new Map<string, Lane>();
  #waiting = new Set<Lane>();
  #flush: NodeJS.Immediate | undefined;
  #parked: NodeJS.Timeout | undefined;
  #nonce = randomInt(2 ** 47) * 16;
  #closed = false;

  pending = 0;
  calls = 0;
  operations = 0;

  constructor(
    store: ToldStore,
    connection: Connection,
    keys: Keys,
    limits: { readonly timeoutMs: number; readonly maxBatch: number; readonly maxPending: number },
  ) {
    this.#store = store;
    this.#connection = connection;
    this.#keys = keys;
    this.#timeoutMs = limits.timeoutMs;
    this.#maxBatch = limits.maxBatch;
    this.#maxPending = limits.maxPending;
  }

  add(operation: Operation): void {
    if (this.pending >= this.#maxPending) {
      const message = `More than ${this.#maxPending} charges wait for Redis (maxPending)`;
      operation.reject(new StoreError(message, { charged: 'no' }));
      return;
    }
    this.pending++;
    let lane = this.#lanes.get(operation.account);
    if (lane === undefined) {
      const index = this.#keys.index(operation.account);
      lane = { account: operation.account, index, group: this.#connection.groupOf(index), queue: [], calls: 0 };
      this.#lanes.set(operation.account, lane);
    }
    lane.queue.push(operation);
    if (lane.calls === 0) this.#wait(lane);
  }

  /** Fails what was not sent, and sends nothing any more; what is under way is still answered. */
  close(error: unknown): void {
    this.#closed = true;
    this.#unpark();
    if (this.#flush !== undefined) clearImmediate(this.#flush);
    for (const lane of this.#lanes.values()) this.#failQueue(lane, lane.queue.length, error);
  }

  #wait(lane: Lane): void {
    this.#waiting.add(lane);
    this.#flush ??= setImmediate(this.#send);
  }

  readonly #send = (): void => {
    this.#flush = undefined;
    if (!this.#connection.ready) {
      this.#park();
      return;
    }
    this.#unpark();
    const lanes = this.#waiting;
    this.#waiting = new Set();
    const open = new Map<number, { readonly call: Call; readonly lanes: Lane[] }>();
    for (const lane of lanes) {
      let group = open.get(lane.group);
      if (group === undefined) {
        group = { call: new Call(), lanes: [] };
        open.set(lane.group, group);
      }
      group.lanes.push(lane);
      let taken = 0;
      while (taken < lane.queue.length && group.call.runs < this.#maxBatch) {
        group.call.add(lane.queue[taken++]!, lane.index, this.#keys);
      }
      lane.queue = taken === lane.queue.length ? [] : lane.queue.slice(taken);
      if (group.call.runs >= this.#maxBatch) {
        open.delete(lane.group);
        void this.#run(group.call, group.lanes);
      }
    }
    for (const group of open.values()) void this.#run(group.call, group.lanes);
  };

  async #run(call: Call, lanes: readonly Lane[]): Promise<void> {
    const { operations } = call;
    for (const lane of lanes) lane.calls++;
    this.calls++;
    this.operations += operations.length;
    let held = true;
    const letGo = () => {
      if (!held) return;
      held = false;
      for (const lane of lanes) this.#letGo(lane);
    };
    // An answer that is late has its lanes waiting no longer than anyone waits for it.
    const timer = setTimeout(letGo, this.#timeoutMs);
    const told = beginCall(this.#store, operations.length, call.runs);
    try {
      call.answer(await this.#connection.run(CHARGE, call.keys, [call.argument(this.#nextNonce())]));
      told?.();
    } catch (error) {
      told?.(error);
      for (const operation of operations) operation.reject(error);
    } finally {
      clearTimeout(timer);
      this.pending -= operations.length;
      letGo();
    }
  }

  #letGo(lane: Lane): void {
    lane.calls--;
    if (lane.calls > 0) return;
    if (lane.queue.length > 0) this.#wait(lane);
    else this.#lanes.delete(lane.account);
  }

  /** Nothing is given to a client that would keep it for later: what is not sent in time surely never counted. */
  #park(): void {
    if (this.#connection.ended) {
      this.#failWaiting(0);
      return;
    }
    if (this.#parked !== undefined) return;
    this.#connection.whenReady(this.#wake);
    const look = () => {
      this.#failWaiting(this.#timeoutMs);
      if (this.#waiting.size > 0) this.#parked = setTimeout(look, this.#timeoutMs);
      else this.#unpark();
    };
    this.#parked = setTimeout(look, this.#timeoutMs);
  }

  #unpark(): void {
    if (this.#parked === undefined) return;
    clearTimeout(this.#parked);
    this.#parked = undefined;
    this.#connection.forget(this.#wake);
  }

  readonly #wake = (): void => {
    if (!this.#closed) this.#flush ??= setImmediate(this.#send);
  };

  /** Fails what has waited for a connection at least that long. */
  #failWaiting(atLeastMs: number): void {
    const error = noConnection();
    const askedBefore = performance.now() - atLeastMs + 1;
    for (const lane of this.#waiting) {
      const young = lane.queue.findIndex(({ askedAt }) => askedAt > askedBefore);
      this.#failQueue(lane, young < 0 ? lane.queue.length : young, error);
      if (lane.queue.length > 0) continue;
      this.#waiting.delete(lane);
      this.#lanes.delete(lane.account);
    }
  }

  #failQueue(lane: Lane, count: number, error: unknown): void {
    this.pending -= count;
    for (const operation of lane.queue.splice(0, count)) operation.reject(error);
  }

  /** Births are counted up from a nonce, so calls take them in steps: as many as a call can begin counters. */
  #nextNonce(): number {
    this.#nonce = (this.#nonce + NONCE_STEP) % 2 ** 52;
    return this.#nonce;
  }
}

/** What an account has to send; `calls` are under way and not given up. */
interface Lane {
  readonly account: string;
  readonly index: string;
  readonly group: number;
  queue: Operation[];
  calls: number;
}

const CHARGE = new Script(CHARGE_SCRIPT);
const NONCE_STEP = 2 ** 14;
