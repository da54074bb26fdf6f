import { checkInteger } from '../check.js';
import { type Charge, type Decision, ownerOf } from '../decision/index.js';
import { asError, optionConflictError } from '../errors.js';
import { countFunctionFailure, type RateLimiter } from '../limiter/index.js';
import { MemoryStore } from '../memory/index.js';
import { isPromise } from '../promises.js';
import { MAX_UNITS, Quota, type QuotaOptions } from '../store/index.js';
import { warnOnce } from '../warnings.js';
import { CORRECTING_OPTIONS, type HttpOptions } from './request-options.js';
import { type EndingResponse, whenEnded } from './response-end.js';

type CorrectingOption = (typeof CORRECTING_OPTIONS)[number];

type CorrectingFunctions<Request> = Pick<HttpOptions<Request, never>, CorrectingOption>;

/** Corrects charges when their responses have ended, once for each request. */
export class Corrections<Request> {
  /** Whether there is anything to ask when a response ends. */
  readonly isNeeded: boolean;
  readonly #limiter: RateLimiter;
  readonly #functions: CorrectingFunctions<Request>;
  readonly #budget: RefundBudget | undefined;
  readonly #reported = new Set<CorrectingOption>();

  /**
   * The options have been checked.
   *
   * @throws TypeError `TOLLGATE_OPTION_CONFLICT` for a function that may raise a cost, on a store that cannot.
   */
  constructor(
    limiter: RateLimiter,
    options: CorrectingFunctions<Request> & Pick<HttpOptions<Request, never>, 'refundAtMost'>,
    budget: RefundBudget | undefined = options.refundAtMost && new RefundBudget(options.refundAtMost),
  ) {
    const { refundWhen, costAfter, costWhenAborted } = options;
    this.isNeeded = refundWhen !== undefined || costAfter !== undefined || costWhenAborted !== undefined;
    this.#limiter = limiter;
    this.#functions = { ...options };
    this.#budget = budget;
    if ((costAfter ?? costWhenAborted) !== undefined && limiter.store.record === undefined) {
      const name = costAfter === undefined ? 'costWhenAborted' : 'costAfter';
      throw optionConflictError(`Expected a store with the method record beside \`${name}\`, got one without`);
    }
  }

  /** The corrections of one route, with some functions replaced. All routes share the refunds of `refundAtMost`. */
  with(own: CorrectingFunctions<Request>): Corrections<Request> {
    const given = CORRECTING_OPTIONS.filter((option) => own[option] !== undefined);
    if (given.length === 0) return this;
    const replaced = Object.fromEntries(given.map((option) => [option, own[option]]));
    return new Corrections(this.#limiter, { ...this.#functions, ...replaced }, this.#budget);
  }

  /**
   * Corrects the admitted charge when the response has ended. The answer has left by then, so an error goes to
   * `onError`, and the charge stays.
   */
  onEnd(request: Request, response: EndingResponse, decision: Decision, onError: (error: unknown) => void): void {
    whenEnded(response, (isFinished) => {
      this.#correct(request, isFinished ? response.statusCode : undefined, decision).catch(onError);
    });
  }

  /** Without async functions, and on a synchronous store, it is done when it returns. */
  async #correct(request: Request, statusCode: number | undefined, decision: Decision): Promise<void> {
    const { refundWhen, costAfter, costWhenAborted } = this.#functions;
    let asked: CorrectingOption = 'refundWhen';
    let actualCost: number | null | undefined;
    try {
      const isFree = statusCode === undefined ? false : refundWhen?.(statusCode, request);
      if (isPromise(isFree) ? await isFree : isFree) {
        actualCost = 0;
      } else {
        asked = statusCode === undefined ? 'costWhenAborted' : 'costAfter';
        const cost = statusCode === undefined ? costWhenAborted?.(request) : costAfter?.(request, statusCode);
        actualCost = isPromise(cost) ? await cost : cost;
        if (actualCost === undefined || actualCost === null) return;
        checkInteger(asked, actualCost, 0, MAX_UNITS);
      }
    } catch (thrown) {
      this.#reportFailure(asked, asError(thrown).message);
      throw thrown;
    }
    await this.#settle(decision, actualCost);
  }

  #settle(decision: Decision, actualCost: number): unknown {
    const { receipt } = decision;
    if (receipt === undefined) {
      // A charge of 0 has no receipt. Its real cost is new to the counters.
      if (actualCost === 0) return undefined;
      const charges = freeCharges.get(decision) ?? [];
      return Promise.all(charges.map((charge) => this.#limiter.debit({ ...charge, cost: actualCost })));
    }
    if (actualCost === decision.cost && decision.charges.every(({ cost }) => cost === actualCost)) return undefined;
    if (actualCost > 0 || this.#budget === undefined) return this.#limiter.settle(receipt, actualCost);
    const giveBack = this.#budget.take(decision);
    if (giveBack === undefined) return undefined;
    // The program may have settled the charge before.
    const unlessUsed = (isSettled: boolean) => isSettled || giveBack();
    const settled = this.#limiter.settle(receipt, 0);
    return isPromise(settled) ? settled.then(unlessUsed) : unlessUsed(settled);
  }

  #reportFailure(option: CorrectingOption, why: string): void {
    countFunctionFailure(this.#limiter);
    if (this.#reported.has(option)) return;
    this.#reported.add(option);
    const what = `The function \`${option}\` of the limiter ${this.#limiter.name} failed, and the charge stays as it was`;
    warnOnce('TOLLGATE_FUNCTION_FAILED', `${what}: ${why}`);
  }
}

/**
 * Keeps what charges of 0 were made of, for a debit. Only if the limits have decided: while limiting is suspended, say,
 * nothing is counted.
 */
export function noteFreeCharge(decision: Decision, charges: readonly Charge[]): Decision {
  if (decision.cost === 0 && decision.reason === 'admitted') freeCharges.set(decision, charges);
  return decision;
}

const freeCharges = new WeakMap<Decision, readonly Charge[]>();

/** How many refunds an account or an address gets, so that a client that provokes failures is still limited. */
class RefundBudget {
  readonly #quotas: readonly Quota[];
  readonly #store = new MemoryStore({ maxCounters: MOST_OWNERS });

  constructor(atMost: QuotaOptions) {
    this.#quotas = [new Quota(atMost)];
  }

  /**
   * Counts a refund of every account and address that was charged. Returns a function that uncounts it, or `undefined`
   * when one of them has none left.
   */
  take({ charges }: Decision): (() => void) | undefined {
    const owners = new Set(
      charges.map(({ account, address }) => ownerOf(account === undefined ? { address: address! } : { account })),
    );
    const counters = Array.from(owners, (account) => ({ account, name: 'refunds', quotas: this.#quotas }));
    const [{ account: first }] = counters as [(typeof counters)[number]];
    const outcome = this.#store.consume(first, counters, 1);
    return outcome.allowed ? () => this.#store.refund(first, counters, 1, outcome) : undefined;
  }
}

/** Only owners with refunds take memory. Beyond this many the budget of one may begin again. */
const MOST_OWNERS = 10_000;
