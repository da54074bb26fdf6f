import { checkFunction } from '@tollgate/core/options';

/** A function of the program's that is told something, with its failures told to the process and thrown at no one. */
export function harmless<T extends readonly unknown[]>(
  option: string,
  tell: (...told: T) => unknown,
): (...told: T) => void {
  checkFunction(option, tell);
  const fail = (thrown: unknown) =>
    process.emitWarning(`\`${option}\` failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  return (...told) => {
    try {
      Promise.resolve(tell(...told)).catch(fail);
    } catch (thrown) {
      fail(thrown);
    }
  };
}
