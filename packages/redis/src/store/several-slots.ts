import { type CounterSpec, type Outcome, StoreError } from '@tollgate/core';
import { entryOf, within } from '@tollgate/core/kit';
import { joinsAccounts, type OpenOutcome, onlyOf, ownerOf } from '../script/index.js';

/** Those counters of one charge that lie in the same slot. */
export interface Part {
  /** The account of the first of them. */
  readonly account: string;
  readonly counters: readonly CounterSpec[];
  /** For each of them, its place in the whole charge. */
  readonly places: readonly number[];
}

export interface PartAnswer {
  readonly outcome: Outcome;
  /** How long no amount of it changes, unless a call changes it. */
  readonly unchangedMs: number;
}

export interface Answer extends PartAnswer {
  /** How many parts were recorded and given back. */
  readonly returned: number;
}

/** What the store does with one part: each is one atomic step. */
export interface PartCalls {
  slotOf(account: string): number;
  /** The refusal that the process remembers. */
  denied(part: Part, cost: number): PartAnswer | undefined;
  consume(part: Part, cost: number): Promise<PartAnswer>;
  peek(part: Part, cost: number): Promise<PartAnswer>;
  refund(part: Part, cost: number, outcome: Outcome): Promise<void>;
  record(part: Part, cost: number, agoMs: number): Promise<void>;
}

/**
 * Charges whose counters lie in several slots of a Cluster, where no step is atomic over all of them. A charge reserves
 * its parts, all at once, and gives back those that were admitted if another one is refused or fails. So it is never
 * over, and a refusal leaves nothing behind once it is answered. Meanwhile a reserved part may keep out another charge.
 * A process that dies in between leaves at most the parts of this charge, until they expire.
 *
 * The token of such a charge has, for each counter, the instant of its admission and its birth.
 */
export class SeveralSlots {
  readonly #calls: PartCalls;
  /** The charges under way. */
  readonly #open = new Set<Promise<Answer>>();

  constructor(calls: PartCalls) {
    this.#calls = calls;
  }

  /** The parts of a charge; `undefined` if all of it lies in the slot of the account. */
  partsOf(account: string, counters: readonly CounterSpec[]): readonly Part[] | undefined {
    if (!joinsAccounts(counters)) return undefined;
    const ownSlot = this.#calls.slotOf(account);
    const places = new Map<number, number[]>();
    for (const [place, counter] of counters.entries()) {
      const owner = ownerOf(counter, account);
      const slot = owner === account ? ownSlot : this.#calls.slotOf(owner);
      entryOf(places, slot, (): number[] => []).push(place);
    }
    if (places.size === 1 && places.has(ownSlot)) return undefined;
    return [...places].map(([slot, places]) => {
      const first = counters[places[0]!]!;
      const part = someOf(counters, places);
      return { account: slot === ownSlot ? account : ownerOf(first, account), counters: part, places };
    });
  }

  /**
   * @throws StoreError if a part fails. Its `charged` is `'no'` only if certainly nothing stays recorded.
   */
  async consume(parts: readonly Part[], cost: number): Promise<Answer> {
    const answer = this.#consume(parts, cost);
    this.#open.add(answer);
    try {
      return await answer;
    } finally {
      this.#open.delete(answer);
    }
  }

  /** Waits for at most `timeoutMs` until the charges under way are answered, and nothing of them stays reserved. */
  async settled(timeoutMs: number): Promise<void> {
    if (this.#open.size > 0) await within(Promise.allSettled(this.#open), timeoutMs, () => []);
  }

  async #consume(parts: readonly Part[], cost: number): Promise<Answer> {
    const denied = parts.map((part) => this.#calls.denied(part, cost));
    const isDenied = denied.some((answer) => answer !== undefined);
    // A violation counts on each throttled counter without room, so those are charged all the same.
    const isPeeked = parts.map(({ counters }) => isDenied && counters.every(({ throttle }) => throttle === undefined));
    const charged = await Promise.allSettled(
      parts.map(async (part, index) => {
        const known = denied[index];
        return known ?? (isPeeked[index] ? this.#calls.peek(part, cost) : this.#calls.consume(part, cost));
      }),
    );
    const answers = charged.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
    const isAdmitted = answers.every((answer) => answer?.outcome.allowed);
    const reserved = answers.map((answer, index) => !isAdmitted && answer?.outcome.allowed && !isPeeked[index]);
    const returned = await Promise.allSettled(
      parts.map(async (part, index) => {
        if (reserved[index]) await this.#calls.refund(part, cost, answers[index]!.outcome);
      }),
    );
    const [lost, stuck] = [reasonsOf(charged), reasonsOf(returned)];
    if (stuck.length > 0 || lost.length > 0) throw failureOf([...stuck, ...lost], stuck.length === 0);
    return combined(
      parts,
      answers.map((answer, index) => (reserved[index] ? withoutCharge(parts[index]!, cost, answer!) : answer!)),
      reserved.filter(Boolean).length,
    );
  }

  async peek(parts: readonly Part[], cost: number): Promise<Outcome> {
    const peeked = await Promise.allSettled(parts.map((part) => this.#calls.peek(part, cost)));
    return combined(parts, valuesOf(peeked), 0).outcome;
  }

  async refund(parts: readonly Part[], cost: number, outcome: Outcome): Promise<void> {
    const token = outcome.token as readonly (readonly [admittedAt: number, birth: number])[];
    const refunded = await Promise.allSettled(
      parts.map((part) => {
        const own = part.places.map((place) => token[place]!);
        return this.#calls.refund(part, cost, { ...outcome, now: own[0]![0], token: own.map(([, birth]) => birth) });
      }),
    );
    valuesOf(refunded);
  }

  async record(parts: readonly Part[], cost: number, agoMs: number): Promise<void> {
    valuesOf(await Promise.allSettled(parts.map((part) => this.#calls.record(part, cost, agoMs))));
  }
}

/** Some of the counters: the same array each time, unless the charge has an array of its own. */
function someOf(counters: readonly CounterSpec[], places: readonly number[]): readonly CounterSpec[] {
  if (places.length === 1) return onlyOf(counters[places[0]!]!);
  const some = () => places.map((place) => counters[place]!);
  if (counters.some(({ subject }) => subject !== undefined)) return some();
  const made = entryOf(MADE, counters, () => new Map<string, readonly CounterSpec[]>());
  return entryOf(made, places.join(), some);
}

const MADE = new WeakMap<readonly CounterSpec[], Map<string, readonly CounterSpec[]>>();

/** The answer to a part whose charge was given back. */
function withoutCharge({ counters }: Part, cost: number, { outcome, unchangedMs }: PartAnswer): PartAnswer {
  const used = outcome.used.slice();
  let quota = 0;
  for (const { quotas, cost: own = cost } of counters) {
    for (const stop = quota + quotas.length; quota < stop; quota++) used[quota]! -= own;
  }
  const resetAfterMs = outcome.resetAfterMs.map((ms, quota) => (used[quota] === 0 ? 0 : ms));
  return { outcome: { ...outcome, used, resetAfterMs }, unchangedMs };
}

function combined(parts: readonly Part[], answers: readonly PartAnswer[], returned: number): Answer {
  const used: (readonly number[])[] = [];
  const resetAfterMs: (readonly number[])[] = [];
  const throttledMs: number[] = [];
  const token: [admittedAt: number, birth: number][] = [];
  for (const [index, { counters, places }] of parts.entries()) {
    const { outcome } = answers[index]!;
    const births = outcome.token as readonly number[] | undefined;
    let quota = 0;
    for (const [own, { quotas }] of counters.entries()) {
      const place = places[own]!;
      used[place] = outcome.used.slice(quota, quota + quotas.length);
      resetAfterMs[place] = outcome.resetAfterMs.slice(quota, quota + quotas.length);
      throttledMs[place] = outcome.throttledMs?.[own] ?? 0;
      token[place] = [outcome.now, births?.[own] ?? 0];
      quota += quotas.length;
    }
  }
  const outcomes = answers.map(({ outcome }) => outcome);
  const outcome: OpenOutcome = {
    allowed: outcomes.every(({ allowed }) => allowed),
    now: Math.max(...outcomes.map(({ now }) => now)),
    used: used.flat(),
    resetAfterMs: resetAfterMs.flat(),
    retryAfterMs: Math.max(...outcomes.map(({ retryAfterMs }) => retryAfterMs)),
    token,
  };
  if (outcomes.some(({ throttledMs }) => throttledMs !== undefined)) outcome.throttledMs = throttledMs;
  if (outcomes.some(({ beganThrottling }) => beganThrottling)) outcome.beganThrottling = true;
  return { outcome, unchangedMs: Math.min(...answers.map(({ unchangedMs }) => unchangedMs)), returned };
}

/** The values, or an error whose `charged` is `'no'` only if that is so for all. */
function valuesOf<T>(settled: readonly PromiseSettledResult<T>[]): T[] {
  const reasons = reasonsOf(settled);
  if (reasons.length > 0) throw failureOf(reasons, reasons.length === settled.length);
  return settled.map((one) => (one as PromiseFulfilledResult<T>).value);
}

function reasonsOf(settled: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
}

/** One error for several. With `isWhole`, nothing beside them can have been recorded. */
function failureOf(reasons: readonly unknown[], isWhole: boolean): unknown {
  const mistake = reasons.find((reason) => !(reason instanceof StoreError));
  if (mistake !== undefined) return mistake;
  const errors = reasons as readonly StoreError[];
  const charged = isWhole && errors.every(({ charged }) => charged === 'no') ? 'no' : 'unknown';
  const worst = errors.find((error) => error.charged === charged) ?? errors[0]!;
  if (worst.charged === charged) return worst;
  return new StoreError(worst.message, { charged, concerns: worst.concerns, cause: worst.cause });
}
