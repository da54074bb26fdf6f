/** An account name of 12 characters, about as long as real ones. */
export function accountName(number: number): string {
  return `acct${number.toString(36).padStart(8, '0')}`;
}

/**
 * The account names of the numbers, as new strings, like those that a server cuts out of requests. A string that was
 * used as a key before has its hash cached, so looking it up again would cost less than a request does.
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

/** Random numbers below `bound`, the same for the same seed (32-bit xorshift). */
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
