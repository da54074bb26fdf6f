import { isIPv4 } from 'node:net';
import { ownCopy } from '../bounded-name.js';
import { checkOptions } from '../check.js';
import { optionRangeError, showName, unknownOptionError } from '../errors.js';
import { type Groups, ipv4Within, parseIpv6 } from '../ip-address.js';
import { type CheckedLayer, checkLayer, checkPartyLayer, type Layer, PARTY_OPTIONS, type PartyLayer } from './layer.js';

/**
 * The limits of addresses, that is of clients without an account: settings as of any layer, and layers of single
 * addresses and of ranges such as `203.0.113.0/24` and `2001:db8::/32`. The smallest range that contains an address and
 * sets an option wins, then larger ranges, then the settings beside them. In a `Map` settings and ranges stand together
 * too.
 */
export type AddressLayers =
  | (Layer & { readonly [Range in `${string}.${string}` | `${string}:${string}`]: PartyLayer })
  | ReadonlyMap<string, PartyLayer | Layer[keyof Layer]>;

/** A range of addresses; a single address is one too. */
interface AddressRange {
  readonly layer: CheckedLayer;
  /** Position in the policy, from 1. */
  readonly ordinal: number;
  /** The number of bits that all its addresses share: of IPv4 from 0 to 32, of IPv6 to 128. */
  readonly prefix: number;
  /** The first and the last address, as {@link Address.first}. */
  readonly first: string;
  readonly last: string;
  /** The next larger range that contains this one. */
  parent: AddressRange | undefined;
}

/** The layers of addresses, and which of them an address lies in. */
export class AddressRanges {
  /** The settings of all addresses. */
  readonly own: CheckedLayer;
  /** The longest prefix of an IPv6 range; `undefined` without such a range. */
  readonly longestIpv6Prefix: number | undefined;
  readonly #ipv4: readonly AddressRange[];
  readonly #ipv6: readonly AddressRange[];
  /** By ordinal, the layers that apply, the most specific first. */
  readonly #chains: readonly (readonly CheckedLayer[])[];
  /** Of recent addresses. Clients bring any number of them, so it starts anew when it is full. */
  readonly #ordinals = new Map<string, number>();

  constructor(path: string, layers: AddressLayers) {
    const entries = layers instanceof Map ? layers : Object.entries(checkOptions(path, layers));
    const settings: Record<string, unknown> = {};
    const ipv4: AddressRange[] = [];
    const ipv6: AddressRange[] = [];
    for (const [name, layer] of entries as Iterable<[string, unknown]>) {
      if (PARTY_OPTIONS.includes(name)) {
        settings[name] = layer;
        continue;
      }
      const address = checkRange(path, name);
      const ordinal = ipv4.length + ipv6.length + 1;
      (address.isIpv4 ? ipv4 : ipv6).push({
        layer: checkPartyLayer(`${path}.${showName(name)}`, layer as PartyLayer, name, ordinal),
        ordinal,
        prefix: address.prefix,
        first: address.first,
        last: lastOf(address),
        parent: undefined,
      });
    }
    this.own = checkLayer(path, settings as Layer, '', 0, PARTY_OPTIONS);
    this.#ipv4 = nested(ipv4);
    this.#ipv6 = nested(ipv6);
    this.longestIpv6Prefix = ipv6.length === 0 ? undefined : Math.max(...ipv6.map(({ prefix }) => prefix));
    const chains: (readonly CheckedLayer[])[] = [[this.own]];
    for (const range of [...ipv4, ...ipv6]) chains[range.ordinal] = [...layersFrom(range), this.own];
    this.#chains = chains;
  }

  /** The layers of all ranges. */
  get all(): readonly CheckedLayer[] {
    return this.#chains.map(([layer]) => layer!);
  }

  /** For each layer, those that apply with it, the most specific first. */
  get chains(): readonly (readonly CheckedLayer[])[] {
    return this.#chains;
  }

  /** The layers that apply to an address, the most specific first. */
  chainOf(address: string): readonly CheckedLayer[] {
    return this.#chains[this.ordinalOf(address)]!;
  }

  /** A number for the layers that apply to an address; 0 outside every range, also for a text that is no address. */
  ordinalOf(address: string): number {
    if (address.length > LONGEST_ADDRESS) return 0;
    const cached = this.#ordinals.get(address);
    if (cached !== undefined) return cached;
    const ordinal = this.#find(address)?.ordinal ?? 0;
    if (this.#ordinals.size >= MAX_CACHED) this.#ordinals.clear();
    // An address may be cut out of a header, which the cache must not keep.
    this.#ordinals.set(ownCopy(address), ordinal);
    return ordinal;
  }

  /** The smallest range that contains the address, or all addresses of the masked one. */
  #find(text: string): AddressRange | undefined {
    if (this.#ipv4.length === 0 && this.#ipv6.length === 0) return undefined;
    const address = parse(text);
    if (address === undefined) return undefined;
    const { isIpv4, first, prefix } = address;
    const ranges = isIpv4 ? this.#ipv4 : this.#ipv6;
    // The last range that begins at the address or before it. Ranges overlap only where one contains the other, so
    // every range with the address contains that one, or is it.
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ranges[middle]!.first <= first) low = middle + 1;
      else high = middle;
    }
    let range = ranges[low - 1];
    while (range !== undefined && (range.last < first || range.prefix > prefix)) range = range.parent;
    return range;
  }
}

/** The ranges by their first address, larger ones first, each with the range around it. */
function nested(ranges: readonly AddressRange[]): readonly AddressRange[] {
  const sorted = ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : a.prefix - b.prefix));
  let around: AddressRange | undefined;
  for (const range of sorted) {
    while (around !== undefined && around.last < range.first) around = around.parent;
    if (around !== undefined && around.first === range.first && around.prefix === range.prefix) {
      const { path: option, name } = range.layer;
      throw optionRangeError(option, 'different from the other ranges', name);
    }
    range.parent = around;
    around = range;
  }
  return sorted;
}

function layersFrom(range: AddressRange | undefined): readonly CheckedLayer[] {
  return range === undefined ? [] : [range.layer, ...layersFrom(range.parent)];
}

interface Address {
  readonly isIpv4: boolean;
  /** Each group of 16 bits is one character, so that comparing texts compares addresses. */
  readonly first: string;
  readonly prefix: number;
}

function checkRange(path: string, text: string): Address {
  const option = `${path}.${showName(text)}`;
  if (!/[.:]/.test(text)) throw unknownOptionError(option, [...PARTY_OPTIONS, 'an address or range']);
  const address = text.includes('%') ? undefined : parse(text);
  if (address === undefined) throw optionRangeError(option, RANGE_RULE, text);
  // Adapters count these addresses as the IPv4 addresses within them, so the range would match none of them.
  if (address.isIpv4 && /^0*(2002|64):/.test(text)) {
    throw optionRangeError(option, RANGE_RULE, text, 'write the IPv4 addresses within it');
  }
  if (masked(address, 0) !== address.first) {
    throw optionRangeError(option, 'a range without bits behind its prefix', text);
  }
  return address;
}

const RANGE_RULE = 'an address, or a range such as 203.0.113.0/24 or 2001:db8::/32';

function lastOf(address: Address): string {
  return masked(address, 0xffff);
}

/** The first address with all bits behind the prefix replaced by those of `rest`. */
function masked({ first, prefix }: Address, rest: number): string {
  let text = '';
  for (let index = 0; index < first.length; index++) {
    const free = 0xffff >> Math.min(16, Math.max(0, prefix - 16 * index));
    text += String.fromCharCode((first.charCodeAt(index) & ~free) | (rest & free));
  }
  return text;
}

/** An address or a range in any spelling. IPv4 within IPv6 is IPv4. `undefined` for any other text. */
function parse(text: string): Address | undefined {
  if (text.length > LONGEST_ADDRESS) return undefined;
  const slash = text.indexOf('/');
  const bare = slash < 0 ? text : text.slice(0, slash);
  const isQuad = isIPv4(bare);
  const groups = isQuad ? groupsOf(bare) : bare.includes(':') ? parseIpv6(bare.replace(/%.*$/s, '')) : undefined;
  if (groups === undefined) return undefined;
  const bits = 16 * groups.length;
  const prefix = slash < 0 ? bits : prefixOf(text.slice(slash + 1), bits);
  if (prefix === undefined) return undefined;
  if (!isQuad) {
    const within = ipv4Within(groups as Groups);
    const before = groups[0] === 0x2002 ? 16 : 96;
    if (within !== undefined && prefix >= before) {
      return { isIpv4: true, first: String.fromCharCode(...groupsOf(within)), prefix: Math.min(32, prefix - before) };
    }
  }
  return { isIpv4: isQuad, first: String.fromCharCode(...groups), prefix };
}

/** A zone may stand behind an address. */
const LONGEST_ADDRESS = 128;
const MAX_CACHED = 4096;

function groupsOf(ipv4: string): readonly number[] {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number);
  return [(a << 8) | b, (c << 8) | d];
}

function prefixOf(text: string, bits: number): number | undefined {
  const prefix = /^(0|[1-9]\d{0,2})$/.test(text) ? Number(text) : undefined;
  return prefix !== undefined && prefix <= bits ? prefix : undefined;
}
