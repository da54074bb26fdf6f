import { isPromise } from '../promises.js';
import type { Optional } from './request-options.js';

/** The value of an option for a request: a constant, or the answer of a function. */
export function askOption<Request, T extends string | number>(
  option: T | ((request: Request) => Optional<T>) | undefined,
  request: Request,
): Optional<T> {
  const answer = typeof option === 'function' ? option(request) : option;
  // If the next function throws at once, nobody awaits this promise, and its rejection must not end the process.
  if (isPromise(answer)) answer.then(undefined, () => {});
  return answer;
}
