import { warn } from './warnings.js';

/**
 * Calls a function of the program. What it throws, or rejects with, becomes a warning by `process.emitWarning`, so that
 * it cannot affect the request during which it ran. `what` names the function in the warning.
 */
export function callSafely<Arguments extends readonly unknown[]>(
  what: string,
  callback: (...args: Arguments) => unknown,
  ...args: Arguments
): void {
  const report = (thrown: unknown) =>
    warn('TOLLGATE_CALLBACK_FAILED', `${what} failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  try {
    Promise.resolve(callback(...args)).then(undefined, report);
  } catch (thrown) {
    report(thrown);
  }
}
