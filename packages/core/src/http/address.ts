/**
 * The address that a client without an account is counted by. IPv4 stays as it is; IPv4 within IPv6 becomes IPv4; other
 * IPv6 counts by its /56, since one customer commonly gets that much (RIPE-690). A port or a zone, which some proxies
 * leave on, is dropped. A text that is no address is returned as it is, and limited as a name of its own.
 */
export function clientAddress(address: string | undefined): string {
  if (address === undefined || address === '') return 'unknown';
  if (!address.includes(':')) return address;
  const withPort = /^(\d{1,3}(?:\.\d{1,3}){3}):\d+$/.exec(address);
  if (withPort !== null) return withPort[1]!;
  const bare = address.replace(/^\[(.*)\](?::\d+)?$/, '$1').replace(/%.*$/s, '');
  const groups = parseIpv6(bare);
  if (groups === undefined) return address;
  const [a, b, c, d, e, f, g, h] = groups as [number, number, number, number, number, number, number, number];
  if (a === 0 && b === 0 && c === 0 && d === 0 && e === 0 && f === 0xffff) {
    return `${g >> 8}.${g & 0xff}.${h >> 8}.${h & 0xff}`;
  }
  return `${[a, b, c, d & 0xff00].map((group) => group.toString(16)).join(':')}::/56`;
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
