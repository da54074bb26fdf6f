/** The account of that number: 12 characters, as in a path of a request. */
export function accountName(number: number): string {
  return `acct${number.toString(36).padStart(8, '0')}`;
}

/**
 * The accounts of those numbers, each a string of its own that nobody has looked up before, as a server finds it in a
 * request. A string that is kept remembers its hash, and would make every look-up cheaper than any request's.
 */
export function freshAccounts(numbers: ArrayLike<number>): string[] {
  const bytes = Buffer.allocUnsafe(numbers.length * ACCOUNT_LENGTH);
  for (let index = 0; index < numbers.length; index++) {
    bytes.write(accountName(numbers[index]!), index * ACCOUNT_LENGTH, 'latin1');
  }
  return Array.from({ length: numbers.length }, (_, index) =>
    bytes.toString('latin1', index * ACCOUNT_LENGTH, (index + 1) * ACCOUNT_LENGTH),
  );
}

/** So many random numbers below `bound`, the same for the same seed (a xorshift of 32 bits). */
export function randomNumbers(count: number, bound: number, seed: number): Uint32Array {
  let state = seed | 1;
  return Uint32Array.from({ length: count }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  });
}

const ACCOUNT_LENGTH = 12;
