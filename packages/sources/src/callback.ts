import { callSafely, checkFunction } from '@tollgate/core/kit';

/** The callback of an option. What it throws, or rejects with, becomes a warning of the process. */
export function safeCallback<T extends readonly unknown[]>(
  option: string,
  callback: (...args: T) => unknown,
): (...args: T) => void {
  checkFunction(option, callback);
  return (...args) => callSafely(`\`${option}\``, callback, ...args);
}
