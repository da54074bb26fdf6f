import { randomInt } from 'node:crypto';
import { type Clock, StoreError } from '@tollgate/core';
import { entryOf } from '@tollgate/core/kit';
import { type Connection, Script } from '../connection.js';
import type { Keys } from '../keys.js';
import { Call, CHARGE_SCRIPT, type Operation, SpoiltCounters } from '../script/index.js';
import { beginCall, type ObservedStore } from './channels.js';
import { Lane } from './lane.js';

interface BatcherOptions {
  readonly timeoutMs: number;
  readonly maxBatch: number;
  readonly maxPending: number;
  readonly clock: Clock;
}

/**
 * Sends operations in as few calls as possible, one for each slot on a cluster. Operations of one tick leave together;
 * while calls are in flight, those of one turn of the event loop do. An account has one call in flight: its later
 * operations wait, and leave together in its next call. So an idle store adds nothing to a round trip, and a busy
 * account costs one call per round trip.
 *
 * Nothing here grows without bound: above `maxPending` an operation fails at once, and counts nothing. Its error
 * concerns that charge alone, since Redis answers the others.
 */
export class Batcher {
  readonly #store: ObservedStore;
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #options: BatcherOptions;
  /** By account, while it has operations to send or in flight. */
  readonly #lanes = new Map<string, Lane>();
  #waiting: Lane[] = [];
  #willSend = false;
  #inFlight = 0;
  #parked: NodeJS.Timeout | undefined;
  #nonce = randomInt(2 ** 47) * 16;
  #closed = false;

  readonly spoilt: SpoiltCounters = new SpoiltCounters();
  pending = 0;
  calls = 0;
  operations = 0;

  constructor(store: ObservedStore, connection: Connection, keys: Keys, options: BatcherOptions) {
    this.#store = store;
    this.#connection = connection;
    this.#keys = keys;
    this.#options = options;
  }

  add(operation: Operation): void {
    const { maxPending } = this.#options;
    if (this.pending >= maxPending && !operation.request.givesBack) {
      const message = `More than ${maxPending} charges wait for Redis (maxPending)`;
      operation.reject(new StoreError(message, { charged: 'no', concerns: 'charge' }));
      return;
    }
    this.pending++;
    const { account } = operation.request;
    const lane = entryOf(this.#lanes, account, () => {
      const index = this.#keys.index(account);
      return new Lane(account, index, this.#connection.slotOf(index));
    });
    lane.push(operation);
    // A lane with earlier operations, or with a call in flight, waits already or will.
    if (lane.calls === 0 && lane.length === 1) this.#wait(lane);
  }

  /** Fails what was not sent, and sends nothing any more. Calls in flight are still answered. */
  close(error: unknown): void {
    this.#closed = true;
    this.#unpark();
    for (const lane of this.#lanes.values()) this.#failFirst(lane, lane.length, error);
  }

  #wait(lane: Lane): void {
    this.#waiting.push(lane);
    this.#sendSoon();
  }

  /** With no call in flight there is no need to read the sockets first, which takes a quarter of a round trip. */
  #sendSoon(): void {
    if (this.#willSend) return;
    this.#willSend = true;
    if (this.#inFlight === 0) process.nextTick(this.#send);
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
      const batch = entryOf(open, lane.slot, (): Batch => ({ call: new Call(this.#keys), lanes: [] }));
      batch.lanes.push(lane);
      this.#move(lane, batch.call);
      if (this.#isFull(batch.call)) {
        open.delete(lane.slot);
        void this.#run(batch);
      }
    }
    for (const batch of open.values()) void this.#run(batch);
  };

  #move(lane: Lane, call: Call): void {
    if (lane.isUniform) {
      call.addAlone(lane.first!, lane.length, lane.index);
      lane.drop(lane.length);
    }
    while (lane.length > 0 && !this.#isFull(call)) {
      const count = lane.uniformPrefix();
      call.add(lane.first!, count, lane.index);
      lane.drop(count);
    }
  }

  /** A charge of many counters takes Redis as long as several others. */
  #isFull({ steps, counters }: Call): boolean {
    const { maxBatch } = this.#options;
    return steps >= maxBatch || counters >= COUNTERS_PER_STEP * maxBatch;
  }

  async #run({ call, lanes }: Batch): Promise<void> {
    for (const lane of lanes) lane.calls++;
    this.calls++;
    this.#inFlight++;
    this.operations += call.operations;
    let isBlocking = true;
    const unblock = () => {
      if (!isBlocking) return;
      isBlocking = false;
      for (const lane of lanes) this.#unblock(lane);
    };
    // After the timeout nobody waits for this call, so later operations need not either.
    const timer = setTimeout(unblock, this.#options.timeoutMs);
    const ended = beginCall(this.#store, call, this.#options.clock);
    try {
      const { keys, argument } = call.write(this.#nextNonce());
      const reply = await this.#connection.runForBytes(CHARGE, keys, [argument]);
      call.answer(reply, this.spoilt);
      ended?.();
    } catch (error) {
      ended?.(error);
      call.reject(error);
    } finally {
      clearTimeout(timer);
      this.#inFlight--;
      this.pending -= call.operations;
      unblock();
    }
  }

  #unblock(lane: Lane): void {
    lane.calls--;
    if (lane.calls > 0) return;
    if (lane.length > 0) this.#wait(lane);
    else this.#lanes.delete(lane.account);
  }

  /**
   * Waits for a connection. The client would queue operations and send them later, so it gets none: an operation that
   * times out here never counts.
   */
  #park(): void {
    if (this.#connection.ended) {
      this.#failWaiting(0);
      return;
    }
    if (this.#parked !== undefined) return;
    this.#connection.whenReady(this.#wake);
    this.#lookLater();
  }

  #lookLater(): void {
    const { timeoutMs, clock } = this.#options;
    const dueAt = clock() + timeoutMs;
    this.#parked = setTimeout(() => {
      // A process that was busy until now could not connect meanwhile.
      const wasBusy = clock() - dueAt > timeoutMs / 2;
      if (!wasBusy) this.#failWaiting(timeoutMs);
      if (this.#waiting.length > 0) this.#lookLater();
      else this.#unpark();
    }, timeoutMs);
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

  /** Fails operations that have waited for a connection for `atLeastMs`. */
  #failWaiting(atLeastMs: number): void {
    const error = this.#connection.noConnection();
    const askedBefore = this.#options.clock() - atLeastMs + 1;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const lane of waiting) {
      let late = 0;
      for (let one = lane.first; one !== undefined && one.request.askedAt <= askedBefore; one = one.next) late++;
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

  /** A call counts births up from its nonce, so nonces are as far apart as a call can begin counters. */
  #nextNonce(): number {
    this.#nonce = (this.#nonce + NONCE_STEP) % 2 ** 52;
    return this.#nonce;
  }
}

/** A call under construction, and the lanes with operations in it. */
interface Batch {
  readonly call: Call;
  readonly lanes: Lane[];
}

export const CHARGE: Script = new Script(CHARGE_SCRIPT);
/** A charge has one to three counters, and rarely a subject or two. */
const COUNTERS_PER_STEP = 7;
/** At most 1000 steps have 7000 counters, the last step 128, and each counter is begun or arranged at most twice. */
const NONCE_STEP = 2 ** 14;
