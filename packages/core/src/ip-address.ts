/** The eight groups of an IPv6 address. */
export type Groups = [number, number, number, number, number, number, number, number];

/**
 * The IPv4 address within an IPv6 address: mapped (`::ffff:0:0/96`), through NAT64 (`64:ff9b::/96`, RFC 6052) or 6to4
 * (`2002::/16`, RFC 3056). `undefined` for other IPv6.
 */
export function ipv4Within([a, b, c, d, e, f, g, h]: Groups): string | undefined {
  if (a === 0x2002) return ipv4(b, c);
  if (c !== 0 || d !== 0 || e !== 0) return undefined;
  const isMapped = a === 0 && b === 0 && f === 0xffff;
  const isNat64 = a === 0x64 && b === 0xff9b && f === 0;
  return isMapped || isNat64 ? ipv4(g, h) : undefined;
}

function ipv4(high: number, low: number): string {
  return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
}

/** The eight groups of an IPv6 address in any of its spellings (RFC 4291, section 2.2), or `undefined`. */
export function parseIpv6(text: string): Groups | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [front, back] = halves.map(parseGroups);
  if (front === undefined) return undefined;
  if (halves.length === 1) return front.length === 8 ? (front as Groups) : undefined;
  if (back === undefined) return undefined;
  const missing = 8 - front.length - back.length;
  return missing < 1 ? undefined : ([...front, ...new Array<number>(missing).fill(0), ...back] as Groups);
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
