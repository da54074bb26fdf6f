import { boundedName } from '../bounded-name.js';
import { type Identity, ownerOf } from '../decision/index.js';

/** How usage names an account or an address: as counters do, and at most 257 UTF-16 units long. */
export function usageAccount(identity: Identity): string {
  return boundedName(ownerOf(identity));
}

/**
 * Of whom a name in {@link UsageTop} is. A name that was longer than 256 UTF-16 units is told with its beginning and a
 * digest for the rest, which is no longer the account's own.
 */
export function identityOf(name: string): Identity {
  if (name.startsWith('@:')) return { address: name.slice(2) };
  return { account: name.startsWith('@') ? name.slice(1) : name };
}
