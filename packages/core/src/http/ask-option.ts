import { isPromise } from '../promises.js';
import type { Optional } from './request-options.js';

/** The value of an option for a request: a constant, or the answer of a function. */
export function askOption<Request, T extends string | number>(
  option: T | ((request: Request) => Optional<T>) | undefined,
  request: Request,
): Optional<T> {
  return typeof option === 'function' ? awaited(option(request)) : option;
}

/** The answer of a user's function, which somebody awaits later. */
export function awaited<Answer>(answer: Answer): Answer {
  // If the next function throws at once, nobody awaits this promise, and its rejection must not end the process.
  if (isPromise(answer)) answer.then(undefined, () => {});
  return answer;
}
