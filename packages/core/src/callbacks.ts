/**
 * Calls a function of the program's with something it is told. Whatever it throws, or rejects with, is reported by
 * `process.emitWarning` and thrown at no one: it must not touch the request during which something happened. `what` is how
 * the report calls it.
 */
export function callSafely<Told extends readonly unknown[]>(
  what: string,
  listener: (...told: Told) => unknown,
  ...told: Told
): void {
  const warn = (thrown: unknown) =>
    process.emitWarning(`${what} failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  try {
    Promise.resolve(listener(...told)).then(undefined, warn);
  } catch (thrown) {
    warn(thrown);
  }
}
