import { noAddressError } from '../errors.js';
import { ipv4Within, parseIpv6 } from '../ip-address.js';

/**
 * The address that a client without an account is counted by. IPv4 stays as it is. IPv4 within IPv6 becomes IPv4:
 * mapped (`::ffff:0:0/96`), through NAT64 (`64:ff9b::/96`, RFC 6052) and 6to4 (`2002::/16`, RFC 3056). Other IPv6
 * counts by its first `ipv6Prefix` bits, 32 to 64, by default 56, since one customer commonly gets that much
 * (RIPE-690); `false` counts each address for itself. A port or a zone, which some proxies leave on, is dropped. A text
 * that is no address is returned as it is, and limited as a name of its own.
 *
 * @throws Error `TOLLGATE_NO_ADDRESS` for `undefined` and an empty text.
 */
export function clientAddress(address: string | undefined, ipv6Prefix: number | false = DEFAULT_IPV6_PREFIX): string {
  if (address === undefined || address === '') throw noAddressError();
  if (!address.includes(':')) return address;
  const withPort = /^(\d{1,3}(?:\.\d{1,3}){3}):\d+$/.exec(address);
  if (withPort !== null) return withPort[1]!;
  const bare = address.replace(/^\[(.*)\](?::\d+)?$/, '$1').replace(/%.*$/s, '');
  const groups = parseIpv6(bare);
  if (groups === undefined) return address;
  return ipv4Within(groups) ?? subnetOf(groups, ipv6Prefix);
}

export const DEFAULT_IPV6_PREFIX = 56;
export const LONGEST_IPV6_PREFIX = 64;

function subnetOf(groups: readonly number[], bits: number | false): string {
  if (bits === false) return groups.map((group) => group.toString(16)).join(':');
  const kept = groups.slice(0, 4).map((group, index) => {
    const dropped = Math.min(16, Math.max(0, 16 * (index + 1) - bits));
    return (group >> dropped) << dropped;
  });
  return `${kept.map((group) => group.toString(16)).join(':')}::/${bits}`;
}
