import { callSafely, checkFunction } from '@tollgate/core/kit';

/** A function of the program's that is told something, with its failures told to the process and thrown at no one. */
export function harmless<T extends readonly unknown[]>(
  option: string,
  tell: (...told: T) => unknown,
): (...told: T) => void {
  checkFunction(option, tell);
  return (...told) => callSafely(`\`${option}\``, tell, ...told);
}
