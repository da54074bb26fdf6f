import { subscribe } from 'node:diagnostics_channel';
import type { Decision } from '../decision/index.js';
import { entryOf } from '../entry-of.js';
import { noteAsked, type RateLimiter } from '../limiter/index.js';
import type { Policy } from '../policy/index.js';
import { warnOnce } from '../warnings.js';
import { tighter } from './answers.js';
import { MountWatch, type Serves } from './mount-watch.js';

/** A limiter with what all of its mounts share. It notices mounts that limit nothing, or twice. */
export class MountedLimiter {
  readonly limiter: RateLimiter;
  /** The bits that are left of an IPv6 address: by the mount that leaves the fewest. */
  #ipv6Prefix = ALL_BITS;
  /** What {@link kinds} was made of. */
  #policies: readonly (Policy | undefined)[] = [];
  #kinds: ReadonlySet<string> = new Set();
  /** The latest decision. */
  #latest: Decision | undefined;
  /** How many requests have come to it; more than two are not counted. */
  #requests = 0;
  /** Ends the watch over each mount. */
  readonly #unwatch: (() => void)[] = [];
  /** Requests without a category so far, while no mount names one; see {@link WITHOUT_CATEGORY}. */
  #withoutCategory = 0;

  private constructor(limiter: RateLimiter) {
    this.limiter = limiter;
  }

  /** The kinds of subjects that the policy in force has, or the candidate beside it. */
  get kinds(): ReadonlySet<string> {
    const { policy, candidate } = this.limiter;
    if (policy !== this.#policies[0] || candidate !== this.#policies[1]) {
      this.#policies = [policy, candidate];
      this.#kinds = new Set([...policy.known.subjects, ...(candidate?.known.subjects ?? [])]);
    }
    return this.#kinds;
  }

  /** The same object for each mount of a limiter. */
  static of(limiter: RateLimiter): MountedLimiter {
    if (!isFollowing) {
      isFollowing = true;
      subscribe(POLICY_CHANGED, followPolicy);
    }
    return entryOf(mounted, limiter, () => new MountedLimiter(limiter));
  }

  /** The limiter has another policy. */
  policyChanged(policy: Policy): void {
    const { longestIpv6Prefix = 0 } = policy;
    if (longestIpv6Prefix > this.#ipv6Prefix) this.#reportUnmatchedRange(longestIpv6Prefix);
  }

  /** Notes the `ipv6Prefix` of a mount. */
  countsAddresses(ipv6Prefix: number | false): void {
    this.#ipv6Prefix = Math.min(this.#ipv6Prefix, ipv6Prefix === false ? ALL_BITS : ipv6Prefix);
  }

  /** Notes a mount. Returns a function for when its server is closed. */
  mount(serves: Serves): () => void {
    if (this.#requests > 0) return () => {};
    const unwatch = watch.add(this.limiter.name, serves);
    this.#unwatch.push(unwatch);
    return unwatch;
  }

  /** A request has come to a mount, so that is in its way. */
  reached(): void {
    if (this.#requests === 2) return;
    this.#requests++;
    for (const unwatch of this.#unwatch.splice(0)) unwatch();
    noteAsked(this.limiter.name, this.#requests === 1 ? 'first' : 'second');
  }

  /**
   * Notes a decision, and returns the one to show on the request. `before` is what the request shows already, after
   * the decision of another mount.
   */
  decided(decision: Decision, before: Decision | null | undefined): Decision {
    if (this.#requests < 2) this.reached();
    const latest = this.#latest;
    this.#latest = decision;
    if (before === undefined || before === null) return decision;
    if (before === latest) {
      const twice = sameCategory(before, decision);
      if (twice !== undefined) this.#reportTwice(twice);
    }
    return tighter(before, decision);
  }

  /** A mount, or a route of one, says which category its requests have. */
  namesCategories(): void {
    this.#withoutCategory = Number.POSITIVE_INFINITY;
  }

  /** The category of a request for which no mount names one. */
  withoutCategory(): string {
    // A host may show the routes with a category late, so the first request is no proof.
    if (this.#withoutCategory < WITHOUT_CATEGORY && ++this.#withoutCategory === WITHOUT_CATEGORY) {
      if (this.limiter.policy.hasCategories) this.#reportNoCategory();
    }
    return 'other';
  }

  #reportNoCategory(): void {
    const { name } = this.limiter;
    warnOnce(
      'TOLLGATE_NO_CATEGORY',
      `The policy of the limiter ${name} has categories, and none of its first ${WITHOUT_CATEGORY} requests named one: all count as other. Set \`category\`, also on routes, or use legsApi({ … })`,
      name,
    );
  }

  #reportUnmatchedRange(prefix: number): void {
    const { name } = this.limiter;
    warnOnce(
      'TOLLGATE_RANGE_UNMATCHED',
      `The policy of the limiter ${name} has an IPv6 range with the prefix ${prefix}, and a mount counts addresses by their first ${this.#ipv6Prefix} bits: the range matches nobody. Set \`ipv6Prefix\` to at least ${prefix}, or to false`,
      name,
    );
  }

  /** Another request may come between two decisions on a store behind a network. Then a later request shows it. */
  #reportTwice(category: string): void {
    const { name } = this.limiter;
    warnOnce(
      'TOLLGATE_COUNTED_TWICE',
      `The limiter ${name} has counted one request twice in the category ${category}: it is mounted twice on its way`,
      name,
    );
  }
}

/** So many requests show that a limiter gets no categories. */
const WITHOUT_CATEGORY = 100;

const watch = new MountWatch();

const mounted = new WeakMap<RateLimiter, MountedLimiter>();

/** One subscription for all limiters, since a listener on each would slow its refusals down. */
function followPolicy(message: unknown): void {
  const { limiter, policy } = message as { readonly limiter: RateLimiter; readonly policy: Policy };
  mounted.get(limiter)?.policyChanged(policy);
}

/** A limiter publishes each change of its policy. */
const POLICY_CHANGED = 'tollgate:policy';
let isFollowing = false;

/** Of an IPv6 address. */
const ALL_BITS = 128;

/** A category in which both decisions have charged one account or address. */
function sameCategory(one: Decision, other: Decision): string | undefined {
  return one.charges.find((before) =>
    other.charges.some(
      ({ account, address, category }) =>
        category === before.category && account === before.account && address === before.address,
    ),
  )?.category;
}
