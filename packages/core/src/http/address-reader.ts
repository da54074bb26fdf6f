import { noAddressError } from '../errors.js';
import { warnOnce } from '../warnings.js';
import { clientAddress } from './address.js';

/**
 * Whose `X-Forwarded-For` the host believes: nobody's, that of some proxies, or anyone's. `'hops-ignored'` is a number
 * of proxies that the host does not accept as a setting, so that it believes nobody.
 */
export type ProxyTrust = 'none' | 'hops-ignored' | 'some' | 'anyone';

/** How an adapter reads the address of a client. */
export interface AddressFacts<Request> {
  /** The client's address, by the host's own trust in proxies. */
  readonly address: (request: Request) => string | undefined;
  /** Whether the request has the header `X-Forwarded-For`. */
  readonly isForwarded: (request: Request) => boolean;
  readonly proxyTrust: (request: Request) => ProxyTrust;
  /** Whether the client has closed the connection. Its address may be gone then. */
  readonly hasLeft: (request: Request) => boolean;
}

/** Reads the address by which a request is counted, and reports settings with which it is not the client's. */
export class AddressReader<Request> {
  readonly #facts: AddressFacts<Request>;
  readonly #ipv6Prefix: number | false | undefined;
  readonly #limiter: string;
  /** Whether a mistake could still come to light. */
  #isWatching = true;

  /** `limiter` is the name for reports. */
  constructor(facts: AddressFacts<Request>, ipv6Prefix: number | false | undefined, limiter: string) {
    this.#facts = facts;
    this.#ipv6Prefix = ipv6Prefix;
    this.#limiter = limiter;
  }

  /**
   * The address to count.
   *
   * @throws Error `TOLLGATE_NO_ADDRESS` without one: one counter for all such clients would limit nobody fairly.
   */
  read(request: Request): string {
    if (this.#isWatching) this.#watch(request);
    const address = this.#facts.address(request);
    if (address !== undefined && address !== '') return this.counted(address);
    // Nobody receives the answer, so this is no mistake of the program.
    if (this.#facts.hasLeft(request)) return 'unknown';
    throw noAddressError();
  }

  /** An address as {@link read} returns it. */
  counted(address: string): string {
    return clientAddress(address, this.#ipv6Prefix);
  }

  #watch(request: Request): void {
    const trust = this.#facts.proxyTrust(request);
    if (trust === 'none' || trust === 'hops-ignored') {
      if (!this.#facts.isForwarded(request)) return;
      if (trust === 'none') this.#report('TOLLGATE_PROXY_NOT_TRUSTED', NOT_TRUSTED);
      else this.#report('TOLLGATE_PROXY_HOPS_IGNORED', HOPS_IGNORED);
    } else if (trust === 'anyone') {
      this.#report('TOLLGATE_PROXY_OPEN', OPEN);
    }
    this.#isWatching = false;
  }

  #report(code: Parameters<typeof warnOnce>[0], message: string): void {
    warnOnce(code, `The limiter ${this.#limiter} counts by address. ${message}`);
  }
}

const NOT_TRUSTED =
  'A request has X-Forwarded-For, and the host trusts no proxy: behind a proxy all clients are one address. Set `trust proxy` on Express or `trustProxy` on Fastify to your proxies';
const HOPS_IGNORED =
  'This version of Fastify ignores a `trustProxy` that is a number: behind a proxy all clients are one address. Set it to the addresses of your proxies';
const OPEN =
  'The host trusts every proxy, so a client chooses its address by X-Forwarded-For. Set `trust proxy` on Express or `trustProxy` on Fastify to exactly your proxies';
