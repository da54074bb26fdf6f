import {
  type AccountLayer,
  type AccountSource,
  defineAccountLayer,
  type Layer,
  type MaybePromise,
} from '@tollgate/core';
import { asError, checkFunction, closedError, isPromise, ownCopy, showName } from '@tollgate/core/kit';
import { type AccountLimitsOptions, type CheckedOptions, readOptions } from './account-limits-options.js';
import { Question } from './bounded-fetch.js';
import { type Answer, Answers } from './layer-cache.js';

/** Tells what holds for an account: `undefined` where nothing of its own does. It should give up when the signal aborts. */
export type FetchLimits = (
  account: string,
  context: { readonly signal: AbortSignal },
) => MaybePromise<Layer | AccountLayer | null | undefined>;

export interface AccountLimitsStats {
  /** Charges for which the answer was known and fresh. */
  readonly hits: number;
  /** Charges for which an older answer was used. */
  readonly stale: number;
  readonly fetches: number;
  readonly failures: number;
  /** Charges whose account was not asked about, because too many questions were under way. */
  readonly unasked: number;
  /** How many accounts are remembered. */
  readonly accounts: number;
}

/**
 * Limits of single accounts that a function tells, from a database or another service: for `accounts` of a limiter. What it
 * told is remembered and renewed beside the requests, so that few of them wait, and none for longer than `timeoutMs`. Whatever
 * the function does, throw, hang, or tell what no layer can say, the last good answer holds, or else the policy alone.
 *
 * Charges for one account share one question. An account whose name has more than 1024 characters is never asked about.
 *
 * @throws TypeError or RangeError, with a `TOLLGATE_…` code, for options that it could not use.
 *
 * @example
 * const accounts = accountLimits((account, { signal }) => database.limitsOf(account, { signal }));
 * const limiter = new RateLimiter({ policy, accounts });
 */
export function accountLimits(fetch: FetchLimits, options: AccountLimitsOptions = {}): AccountLimits {
  return new AccountLimits(fetch, options);
}

/** Made by {@link accountLimits}. */
export class AccountLimits implements AccountSource {
  readonly #fetch: FetchLimits;
  readonly #options: CheckedOptions;
  readonly #answers: Answers;
  /** Those whose answer will be remembered, by account. */
  readonly #questions = new Map<string, Question<AccountLayer | undefined>>();
  readonly #underWay = new Set<Question<AccountLayer | undefined>>();
  #isFailing = false;
  #hits = 0;
  #stale = 0;
  #fetches = 0;
  #failures = 0;
  #unasked = 0;
  #closed = false;

  constructor(fetch: FetchLimits, options: AccountLimitsOptions = {}) {
    this.#fetch = checkFunction('fetch', fetch);
    this.#options = readOptions(options);
    this.#answers = new Answers(this.#options.maxAccounts);
  }

  /** What is known to hold for the account; a promise, which does not reject, where nothing is. */
  layerOf(account: string): MaybePromise<AccountLayer | undefined> {
    if (this.#closed) throw closedError('accountLimits');
    if (account.length > LONGEST_NAME) return undefined;
    const now = this.#options.clock();
    const known = this.#answers.get(account);
    if (known !== undefined && now < known.holdsUntil) {
      this.#hits++;
      return this.#isUsable(known, now) ? known.layer : undefined;
    }
    const question = this.#questions.get(account) ?? this.#ask(account);
    if (question !== undefined && !(question instanceof Question)) return question.layer;
    if (known === undefined || !this.#isUsable(known, now)) return question?.wait(this.#options.timeoutMs);
    this.#stale++;
    return known.layer;
  }

  /** Forgets what was told of an account, or of all, so that the next charge asks anew. */
  forget(account?: string): void {
    if (account === undefined) {
      this.#answers.clear();
      this.#questions.clear();
    } else {
      this.#answers.delete(account);
      this.#questions.delete(account);
    }
  }

  stats(): AccountLimitsStats {
    return {
      hits: this.#hits,
      stale: this.#stale,
      fetches: this.#fetches,
      failures: this.#failures,
      unasked: this.#unasked,
      accounts: this.#answers.size,
    };
  }

  /** Aborts what is under way and forgets all. To be closed after the limiters that use it. */
  close(): void {
    this.#closed = true;
    for (const question of this.#underWay) question.abort('accountLimits was closed');
    this.forget();
  }

  /** The question; what it led to, where the function told at once; `undefined` where it was not asked. */
  #ask(name: string): Question<AccountLayer | undefined> | Pick<Answer, 'layer'> | undefined {
    if (this.#underWay.size >= this.#options.maxPending) {
      this.#unasked++;
      return undefined;
    }
    const account = ownCopy(name);
    this.#fetches++;
    const question = new Question<AccountLayer | undefined>();
    this.#underWay.add(question);
    this.#questions.set(account, question);
    try {
      const told = this.#fetch(account, { signal: question.signal });
      if (isPromise(told)) {
        question.begin(
          told,
          this.#options.abortMs,
          (told) => this.#answered(account, question, told),
          (thrown) => this.#failed(account, question, thrown),
        );
        return question;
      }
      return { layer: this.#answered(account, question, told) };
    } catch (thrown) {
      return { layer: this.#failed(account, question, thrown) };
    }
  }

  #answered(account: string, question: Question<AccountLayer | undefined>, told: Told): AccountLayer | undefined {
    const answer = readAnswer(account, told, this.#answers.get(account));
    this.#isFailing = false;
    const at = this.#options.clock();
    this.#end(account, question, { ...answer, at, holdsUntil: at + this.#options.freshMs });
    return answer.layer;
  }

  #failed(account: string, question: Question<AccountLayer | undefined>, thrown: unknown): AccountLayer | undefined {
    const known = this.#answers.get(account) ?? NOTHING_KNOWN;
    const now = this.#options.clock();
    this.#end(account, question, { ...known, holdsUntil: now + this.#options.retryMs });
    if (this.#closed) return undefined;
    this.#failures++;
    const wasFailing = this.#isFailing;
    this.#isFailing = true;
    if (this.#options.onError !== undefined) this.#options.onError(asError(thrown), account);
    else if (!wasFailing) process.emitWarning(`The limits of accounts cannot be asked for: ${asError(thrown).message}`);
    return this.#isUsable(known, now) ? known.layer : undefined;
  }

  /** What was asked before the account was forgotten is not remembered. */
  #end(account: string, question: Question<AccountLayer | undefined>, answer: Answer): void {
    this.#underWay.delete(question);
    if (this.#questions.get(account) !== question) return;
    this.#questions.delete(account);
    this.#answers.set(account, answer);
  }

  /** Where the function has only failed so far there is nothing to wait for: requests need not hang one after the other. */
  #isUsable({ at }: Pick<Answer, 'at'>, now: number): boolean {
    const { freshMs, staleMs } = this.#options;
    return at === Number.NEGATIVE_INFINITY || now < at + freshMs + staleMs;
  }
}

type Told = Awaited<ReturnType<FetchLimits>>;

const NOTHING_KNOWN = { layer: undefined, json: undefined, at: Number.NEGATIVE_INFINITY };

/** A layer that says the same as the one before is that one: what limiters have worked out for it stays of use. */
function readAnswer(account: string, told: Told, before: Answer | undefined): Pick<Answer, 'layer' | 'json'> {
  if (told === undefined || told === null) return { layer: undefined, json: undefined };
  if (isChecked(told)) return { layer: told, json: undefined };
  const layer = defineAccountLayer(told, `accounts.${showName(account)}`);
  const json = JSON.stringify(told);
  return json === before?.json ? { layer: before.layer, json } : { layer, json };
}

/** Told by what it has: a layer that is not checked has no path. */
function isChecked(told: Layer | AccountLayer): told is AccountLayer {
  return typeof told === 'object' && 'path' in told && 'ordinal' in told;
}

/** No real one is as long, and clients could have much remembered by inventing some. */
const LONGEST_NAME = 1024;
