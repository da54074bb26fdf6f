import { asError } from '../errors.js';
import { countFunctionFailure, type RateLimiter } from '../limiter/index.js';
import { isPromise } from '../promises.js';
import { warnOnce } from '../warnings.js';
import { askOption } from './ask-option.js';
import type { ChargeOptions, Optional } from './request-options.js';

/** The options that choose layers of the policy. They decide neither who is charged nor how much. */
export type LayerOption = 'plan' | 'region' | 'environment';

/**
 * Asks the options that choose layers. If a function among them throws, rejects, or returns no string, the request is
 * decided without that part, as if the function had declined: a database that is away must not fail every request.
 */
export class LayerFunctions<Request> {
  readonly #options: ChargeOptions<Request>;
  readonly #fallsBack: boolean;
  readonly #reported = new Set<LayerOption>();

  constructor(options: ChargeOptions<Request>) {
    this.#options = options;
    this.#fallsBack = options.onFunctionFailure !== 'error';
  }

  ask(name: LayerOption, request: Request, limiter: RateLimiter): Optional<string> {
    const option = this.#options[name];
    if (typeof option !== 'function' || !this.#fallsBack) return askOption(option, request);
    try {
      const answer = option(request);
      if (!isPromise(answer)) return this.#checked(name, answer, limiter);
      return answer.then(
        (answer) => this.#checked(name, answer, limiter),
        (thrown: unknown) => this.#failed(name, asError(thrown).message, limiter),
      );
    } catch (thrown) {
      return this.#failed(name, asError(thrown).message, limiter);
    }
  }

  #checked(name: LayerOption, answer: unknown, limiter: RateLimiter): string | undefined {
    if (answer === undefined || answer === null) return undefined;
    if (typeof answer === 'string') return answer;
    return this.#failed(name, `It returned a value of the type ${typeof answer}, and a string was expected`, limiter);
  }

  #failed(name: LayerOption, why: string, limiter: RateLimiter): undefined {
    countFunctionFailure(limiter);
    if (this.#reported.has(name)) return;
    this.#reported.add(name);
    const what = `The function \`${name}\` of the limiter ${limiter.name} failed, and requests are decided without it`;
    warnOnce('TOLLGATE_FUNCTION_FAILED', `${what}: ${why}`);
  }
}
