/** What a store returns at once when it can, and as a promise when it cannot. */
export type MaybePromise<T> = T | Promise<T>;

/** Whether the value has to be waited for. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
