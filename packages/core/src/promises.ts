/** What a store returns at once when it can, and as a promise when it cannot. */
export type MaybePromise<T> = T | Promise<T>;

/** Whether the value has to be waited for. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/**
 * Settles as `promise` does, or after `timeoutMs` milliseconds as `late` does: with the value it returns, or the error
 * it throws. The timer keeps the process alive, so that a program that awaits the result does not end before it; with
 * `unref` it does not, for a wait that no program awaits.
 */
export function within<T>(
  promise: PromiseLike<T>,
  timeoutMs: number,
  late: () => T,
  { unref = false }: { readonly unref?: boolean } = {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      try {
        resolve(late());
      } catch (error) {
        reject(error);
      }
    }, timeoutMs);
    if (unref) timer.unref();
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
