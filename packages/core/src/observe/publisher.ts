import { callSafely } from '../callbacks.js';
import { checkFunction, checkOneOf } from '../check.js';
import type { Decision, PreparedCharge } from '../decision/index.js';
import { entryOf } from '../entry-of.js';
import type { GuardFollower, HealthReport } from '../outage/index.js';
import type { Policy, Suspension } from '../policy/index.js';
import type { Usage } from '../usage/index.js';
import {
  CANDIDATE,
  type ChannelMessages,
  CIRCUIT,
  CORRECTION,
  DECISION,
  HEALTH,
  LIMITER,
  type ObservedLimiter,
  POLICY,
  REFUSAL,
  STORE_CALL,
  STORE_STATE,
  type StoreCallMessage,
  SUSPENSION,
  type TypedChannel,
  WOULD_REFUSE,
} from './channels.js';
import type { Comparison, LimiterEvents } from './limiter-events.js';
import { StoreWarnings } from './store-warnings.js';
import { ThrottlingWatch } from './throttling-watch.js';

/**
 * Counts and publishes the work of one limiter: on the process's channels, and to the listeners of `limiter.on`, which
 * are subscribers to the messages of this limiter alone. Without subscribers no message is made.
 */
export class Publisher implements GuardFollower {
  readonly #limiter: ObservedLimiter;
  readonly #usage: Usage | undefined;
  readonly #throttlings: ThrottlingWatch;
  readonly #storeWarnings: StoreWarnings;
  readonly #listeners = new Map<EventName, Set<Listener>>(EVENT_NAMES.map((event) => [event, new Set()]));
  /** Every refusal asks, and most limiters have none. */
  #hasListeners = false;
  #state: HealthReport['state'] = 'up';
  /** The shards that were down at the last change. */
  #down: ReadonlySet<string> = new Set();
  /** The number of policies that the limiter has had. */
  policyVersion = 1;
  decisions = 0;
  wouldRefuse = 0;
  throttlings = 0;
  corrections = 0;

  constructor(limiter: ObservedLimiter, usage: Usage | undefined) {
    this.#limiter = limiter;
    this.#usage = usage;
    this.#throttlings = new ThrottlingWatch(limiter);
    this.#storeWarnings = new StoreWarnings(limiter.name);
  }

  on(event: EventName, listener: Listener): void {
    this.#listenersOf(event).add(checkFunction('listener', listener));
    this.#hasListeners = true;
  }

  off(event: EventName, listener: Listener): void {
    this.#listenersOf(event).delete(listener);
    this.#hasListeners = [...this.#listeners.values()].some(({ size }) => size > 0);
  }

  made(): void {
    if (LIMITER.hasSubscribers) this.#publish(LIMITER, { state: 'made' });
  }

  closed(): void {
    this.#throttlings.forget();
    if (LIMITER.hasSubscribers) this.#publish(LIMITER, { state: 'closed' });
  }

  /** Removes all listeners of `limiter.on`. */
  stop(): void {
    for (const listeners of this.#listeners.values()) listeners.clear();
    this.#hasListeners = false;
  }

  /** Runs with every charge. */
  decided(decision: Decision): void {
    this.decisions++;
    if (this.#usage !== undefined) this.#usage.record(decision);
    if (DECISION.hasSubscribers) this.#publish(DECISION, { decision });
    if (this.#throttlings.size > 0) this.#throttlings.notice(decision);
    if (decision.reason !== 'admitted') this.#notAdmitted(decision);
  }

  corrected(charge: PreparedCharge, cost: number, actualCost: number): void {
    this.corrections++;
    if (this.#usage === undefined && !CORRECTION.hasSubscribers) return;
    const parts = charge.joined?.parts ?? [];
    if (parts.length === 0) this.#correctedOne(charge, cost, actualCost);
    else for (const part of parts) this.#correctedOne(part.charge, part.charge.cost, actualCost);
  }

  get wantsCalls(): boolean {
    return STORE_CALL.hasSubscribers;
  }

  get wantsContext(): boolean {
    return DECISION.hasSubscribers;
  }

  called(durationMs: number, outcome: StoreCallMessage['outcome'], error: StoreCallMessage['error']): void {
    this.#publish(STORE_CALL, { durationMs, outcome, error });
  }

  healthChanged(report: HealthReport): void {
    const { state } = report;
    const down = new Set(report.shards().map(({ name }) => name));
    const before = this.#down;
    const previous = this.#state;
    this.#down = down;
    this.#state = state;
    if (CIRCUIT.hasSubscribers) {
      for (const shard of before) if (!down.has(shard)) this.#publish(CIRCUIT, { shard, state: 'closed' });
      for (const shard of down) if (!before.has(shard)) this.#publish(CIRCUIT, { shard, state: 'open' });
    }
    if (state !== previous) {
      this.#storeWarnings.changed(report);
      if (STORE_STATE.hasSubscribers) this.#publish(STORE_STATE, { state, previous });
    }
    this.#health();
  }

  policyChanged(policy: Policy, previous: Policy): void {
    this.policyVersion++;
    if (this.#isWanted(POLICY)) this.#publish(POLICY, { policy, previous, version: this.policyVersion });
  }

  suspensionChanged(suspension: Suspension | undefined): void {
    if (this.#isWanted(SUSPENSION)) this.#publish(SUSPENSION, { suspension });
    this.#health();
  }

  compared(comparison: Comparison): void {
    if (this.#isWanted(CANDIDATE)) this.#publish(CANDIDATE, comparison);
  }

  #correctedOne(charge: PreparedCharge, cost: number, actualCost: number): void {
    this.#usage?.correct(charge, cost, actualCost);
    const { account, address, category } = charge;
    if (CORRECTION.hasSubscribers) this.#publish(CORRECTION, { account, address, category, cost, actualCost });
  }

  #notAdmitted(decision: Decision): void {
    const { wouldRefuse, beganThrottling } = decision;
    if (wouldRefuse) this.wouldRefuse++;
    if (beganThrottling) this.throttlings++;
    const channel = wouldRefuse ? WOULD_REFUSE : REFUSAL;
    if ((wouldRefuse || !decision.allowed) && this.#isWanted(channel)) this.#publish(channel, { decision });
    if (beganThrottling) this.#throttlings.begun(decision);
  }

  #health(): void {
    if (this.#isWanted(HEALTH)) this.#publish(HEALTH, { health: this.#limiter.health() });
  }

  #isWanted(channel: TypedChannel<never>): boolean {
    if (channel.hasSubscribers) return true;
    return this.#hasListeners && eventsOf(channel).some((event) => this.#listenersOf(event).size > 0);
  }

  #publish<Name extends keyof ChannelMessages>(
    channel: TypedChannel<Name>,
    content: Omit<ChannelMessages[Name], 'limiter'>,
  ): void {
    const message = { limiter: this.#limiter, ...content };
    channel.publish(message as ChannelMessages[Name]);
    for (const event of eventsOf(channel)) {
      const { accepts, argument } = EVENTS[event];
      if (accepts !== undefined && !accepts(message as never)) continue;
      for (const listener of [...this.#listenersOf(event)]) {
        callSafely(`A listener of '${event}'`, listener, argument(message as never) as never);
      }
    }
  }

  #listenersOf(event: EventName): Set<Listener> {
    return this.#listeners.get(checkOneOf('event', event, EVENT_NAMES))!;
  }
}

type EventName = keyof LimiterEvents;
type Listener = (argument: never) => unknown;

interface EventRule {
  readonly channels: readonly TypedChannel<never>[];
  /** Messages that it rejects are no event. */
  readonly accepts?: (message: never) => boolean;
  readonly argument: (message: never) => unknown;
}

/** Where the events of `limiter.on` come from, and which part of a message their listeners receive. */
const EVENTS: Readonly<Record<EventName, EventRule>> = {
  health: { channels: [HEALTH], argument: ({ health }: ChannelMessages['tollgate:health']) => health },
  wouldRefuse: { channels: [WOULD_REFUSE], argument: decisionOf },
  throttled: {
    channels: [REFUSAL, WOULD_REFUSE],
    accepts: (message: ChannelMessages['tollgate:refusal']) => message.decision.beganThrottling,
    argument: decisionOf,
  },
  candidate: {
    channels: [CANDIDATE],
    argument: ({ limiter: _, ...comparison }: ChannelMessages['tollgate:candidate']) => comparison,
  },
  policy: { channels: [POLICY], argument: ({ policy }: ChannelMessages['tollgate:policy']) => policy },
  suspension: {
    channels: [SUSPENSION],
    argument: ({ suspension }: ChannelMessages['tollgate:suspension']) => suspension,
  },
};
const EVENT_NAMES = Object.keys(EVENTS) as EventName[];

function eventsOf(channel: TypedChannel<never>): readonly EventName[] {
  return EVENTS_BY_CHANNEL.get(channel) ?? NO_EVENTS;
}

const NO_EVENTS: readonly EventName[] = [];
const EVENTS_BY_CHANNEL = new Map<TypedChannel<never>, EventName[]>();
for (const event of EVENT_NAMES) {
  for (const channel of EVENTS[event].channels) entryOf(EVENTS_BY_CHANNEL, channel, (): EventName[] => []).push(event);
}

function decisionOf({ decision }: ChannelMessages['tollgate:decision']): Decision {
  return decision;
}
