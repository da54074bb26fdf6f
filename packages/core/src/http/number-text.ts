const SMALL = 1000;
const small: readonly string[] = Array.from({ length: SMALL }, (_, number) => String(number));

/** A whole number as text. The small ones, which nearly all headers say, are made once. */
export function numberText(number: number): string {
  return number < SMALL && number >= 0 ? small[number]! : String(number);
}
