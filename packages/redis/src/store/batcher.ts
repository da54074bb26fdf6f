import { randomInt } from 'node:crypto';
import { StoreError } from '@tollgate/core';
import { type Connection, noConnection, Script } from '../connection.js';
import type { Keys } from '../keys.js';
import { Call, CHARGE_SCRIPT, type Operation } from '../script/index.js';
import { beginCall, type ObservedStore } from './channels.js';
import { Lane } from './lane.js';

/**
 * Sends operations in as few calls as can be. Those that come in one tick leave together, and while calls are under way those of
 * one turn of the event loop, one call for each slot group; those of an account whose call is under way wait for its answer
 * and go together in the next. So an idle store adds nothing to a round trip, and a busy account costs one call per round
 * trip.
 *
 * Nothing here grows without bound: past `maxPending` an operation fails at once, and is known not to have counted.
 */
export class Batcher {
  readonly #store: ObservedStore;
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #timeoutMs: number;
  readonly #maxBatch: number;
  readonly #maxPending: number;
  /** Accounts with something to send, and whether a call of theirs is under way. */
  readonly #lanes = new Map<string, Lane>();
  #waiting: Lane[] = [];
  #willSend = false;
  #underWay = 0;
  #parked: NodeJS.Timeout | undefined;
  #nonce = randomInt(2 ** 47) * 16;
  #closed = false;

  pending = 0;
  calls = 0;
  operations = 0;

  constructor(
    store: ObservedStore,
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
      lane = new Lane(operation.account, index, this.#connection.groupOf(index));
      this.#lanes.set(operation.account, lane);
    }
    lane.push(operation);
    // One that has others already, or a call under way, is looked at in any case.
    if (lane.calls === 0 && lane.length === 1) this.#wait(lane);
  }

  /** Fails what was not sent, and sends nothing any more; what is under way is still answered. */
  close(error: unknown): void {
    this.#closed = true;
    this.#unpark();
    for (const lane of this.#lanes.values()) this.#failFirst(lane, lane.length, error);
  }

  #wait(lane: Lane): void {
    this.#waiting.push(lane);
    this.#sendSoon();
  }

  /** While none is under way a call need not wait for the sockets to be read, which is a fourth of a round trip. */
  #sendSoon(): void {
    if (this.#willSend) return;
    this.#willSend = true;
    if (this.#underWay === 0) process.nextTick(this.#send);
    else setImmediate(this.#send);
  }

  readonly #send = (): void => {
    this.#willSend = false;
    if (this.#closed) return;
    if (!this.#connection.ready) {
      this.#park();
      return;
    }
    this.#unpark();
    const lanes = this.#waiting;
    this.#waiting = [];
    const open = new Map<number, Batch>();
    for (const lane of lanes) {
      let batch = open.get(lane.group);
      if (batch === undefined) {
        batch = { call: new Call(), lanes: [] };
        open.set(lane.group, batch);
      }
      batch.lanes.push(lane);
      this.#take(lane, batch.call);
      if (batch.call.runs >= this.#maxBatch) {
        open.delete(lane.group);
        void this.#run(batch);
      }
    }
    for (const batch of open.values()) void this.#run(batch);
  };

  #take(lane: Lane, call: Call): void {
    if (lane.isAlike) {
      call.addAlone(lane.first!, lane.length, lane.index);
      lane.drop(lane.length);
    }
    while (lane.length > 0 && call.runs < this.#maxBatch) {
      const count = lane.alike();
      call.add(lane.first!, count, lane.index);
      lane.drop(count);
    }
  }

  async #run({ call, lanes }: Batch): Promise<void> {
    for (const lane of lanes) lane.calls++;
    this.calls++;
    this.#underWay++;
    this.operations += call.operations;
    let held = true;
    const letGo = () => {
      if (!held) return;
      held = false;
      for (const lane of lanes) this.#letGo(lane);
    };
    // An answer that is late has its lanes waiting no longer than anyone waits for it.
    const timer = setTimeout(letGo, this.#timeoutMs);
    const told = beginCall(this.#store, call.operations, call.runs);
    try {
      call.answer(await this.#connection.runForBytes(CHARGE, call.keys, [call.argument(this.#nextNonce())]));
      told?.();
    } catch (error) {
      told?.(error);
      call.reject(error);
    } finally {
      clearTimeout(timer);
      this.#underWay--;
      this.pending -= call.operations;
      letGo();
    }
  }

  #letGo(lane: Lane): void {
    lane.calls--;
    if (lane.calls > 0) return;
    if (lane.length > 0) this.#wait(lane);
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
      if (this.#waiting.length > 0) this.#parked = setTimeout(look, this.#timeoutMs);
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
    if (!this.#closed) this.#sendSoon();
  };

  /** Fails what has waited for a connection at least that long. */
  #failWaiting(atLeastMs: number): void {
    const error = noConnection();
    const askedBefore = performance.now() - atLeastMs + 1;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const lane of waiting) {
      let late = 0;
      for (let one = lane.first; one !== undefined && one.askedAt <= askedBefore; one = one.next) late++;
      this.#failFirst(lane, late, error);
      if (lane.length > 0) this.#waiting.push(lane);
      else this.#lanes.delete(lane.account);
    }
  }

  #failFirst(lane: Lane, count: number, error: unknown): void {
    this.pending -= count;
    for (let failed = 0; failed < count; failed++) {
      const operation = lane.first!;
      lane.drop(1);
      operation.reject(error);
    }
  }

  /** Births are counted up from a nonce, so calls take them in steps: as many as a call can begin counters. */
  #nextNonce(): number {
    this.#nonce = (this.#nonce + NONCE_STEP) % 2 ** 52;
    return this.#nonce;
  }
}

/** A call that is put together, and whose charges are in it. */
interface Batch {
  readonly call: Call;
  readonly lanes: Lane[];
}

const CHARGE = new Script(CHARGE_SCRIPT);
const NONCE_STEP = 2 ** 14;
