import { noAddressError } from '../errors.js';

/**
 * The address that a client without an account is counted by. IPv4 stays as it is. IPv4 within IPv6 becomes IPv4:
 * mapped (`::ffff:0:0/96`), through NAT64 (`64:ff9b::/96`, RFC 6052) and 6to4 (`2002::/16`, RFC 3056). Other IPv6
 * counts by its first `ipv6Prefix` bits, 32 to 64, by default 56, since one customer commonly gets that much
 * (RIPE-690); `false` counts each address for itself. A port or a zone, which some proxies leave on, is dropped. A text
 * that is no address is returned as it is, and limited as a name of its own.
 *
 * @throws Error `TOLLGATE_NO_ADDRESS` for `undefined` and an empty text.
 */
export function clientAddress(address: string | undefined, ipv6Prefix: number | false = 56): string {
  if (address === undefined || address === '') throw noAddressError();
  if (!address.includes(':')) return address;
  const withPort = /^(\d{1,3}(?:\.\d{1,3}){3}):\d+$/.exec(address);
  if (withPort !== null) return withPort[1]!;
  const bare = address.replace(/^\[(.*)\](?::\d+)?$/, '$1').replace(/%.*$/s, '');
  const groups = parseIpv6(bare);
  if (groups === undefined) return address;
  return ipv4Within(groups as Groups) ?? subnetOf(groups, ipv6Prefix);
}

type Groups = [number, number, number, number, number, number, number, number];

function ipv4Within([a, b, c, d, e, f, g, h]: Groups): string | undefined {
  if (a === 0x2002) return ipv4(b, c);
  if (c !== 0 || d !== 0 || e !== 0) return undefined;
  const isMapped = a === 0 && b === 0 && f === 0xffff;
  const isNat64 = a === 0x64 && b === 0xff9b && f === 0;
  return isMapped || isNat64 ? ipv4(g, h) : undefined;
}

function ipv4(high: number, low: number): string {
  return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
}

function subnetOf(groups: readonly number[], bits: number | false): string {
  if (bits === false) return groups.map((group) => group.toString(16)).join(':');
  const kept = groups.slice(0, 4).map((group, index) => {
    const dropped = Math.min(16, Math.max(0, 16 * (index + 1) - bits));
    return (group >> dropped) << dropped;
  });
  return `${kept.map((group) => group.toString(16)).join(':')}::/${bits}`;
}

/** The eight groups of an IPv6 address in any of its spellings (RFC 4291, section 2.2), or `undefined`. */
function parseIpv6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [front, back] = halves.map(parseGroups);
  if (front === undefined) return undefined;
  if (halves.length === 1) return front.length === 8 ? front : undefined;
  if (back === undefined) return undefined;
  const missing = 8 - front.length - back.length;
  return missing < 1 ? undefined : [...front, ...new Array<number>(missing).fill(0), ...back];
}

function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const quad = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(part)?.slice(1).map(Number);
    if (quad === undefined || index !== parts.length - 1 || quad.some((byte) => byte > 255)) return undefined;
    groups.push((quad[0]! << 8) | quad[1]!, (quad[2]! << 8) | quad[3]!);
  }
  return groups;
}
