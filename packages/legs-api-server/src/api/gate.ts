import { createHash, timingSafeEqual } from 'node:crypto';
import { perMinute, RateLimiter } from '@tollgate/core';
import { Answers, clientAddress } from '@tollgate/core/http';
import { type Answer, type AnsweredRequest, answerOf, requestIdOf, unauthorized } from './reply.js';

/** API keys with their tokens. An account may use several: limits are per account, not per key. */
export type Credentials = ReadonlyMap<string, string>;

export const EXAMPLE_CREDENTIALS: Credentials = new Map([['key', 'token']]);

/**
 * Authenticates requests before the accounts' limiter. The path shows the account, so without this gate anybody could
 * use up its limit without a key. Requests that fail here are limited by the client's address and by the key that they
 * tried, both at once. A request that is refused by one of them takes nothing from the other. A request with the right
 * token is never limited here, so nobody can lock out an account; tokens have to be too long to be guessed.
 */
export class Gate {
  readonly #credentials: Credentials;
  readonly #strangers = new RateLimiter({ name: 'strangers', policy: { quotas: [perMinute(100)] } });
  readonly #answers = new Answers({ headers: 'both' });

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** The answer to a request without valid credentials; `undefined` lets the request in. */
  async refuse(request: AnsweredRequest & { readonly ip?: string | undefined }): Promise<Answer | undefined> {
    const { key, token } = credentialsOf(request.headers.authorization);
    if (key !== undefined && this.#isAuthorized(key, token)) return undefined;
    const stranger = { address: clientAddress(request.ip), category: 'unauthenticated' };
    const decision = await (key === undefined
      ? this.#strangers.consume(stranger)
      : this.#strangers.consumeAll([stranger, { account: key, category: 'unauthenticated' }]));
    if (decision.allowed) return answerOf(request, unauthorized());
    const headers: Record<string, string> = {};
    const set = (name: string, value: string) => {
      headers[name] = value;
    };
    this.#answers.writeHeaders(decision, set);
    const body = this.#answers.writeBody(decision, requestIdOf(request), set);
    return { status: this.#answers.status(decision), headers, body };
  }

  #isAuthorized(key: string, given: string): boolean {
    const token = this.#credentials.get(key);
    return token !== undefined && timingSafeEqual(digest(given), digest(token));
  }
}

/** Key and token of HTTP Basic authentication (RFC 7617). */
export function credentialsOf(authorization: string | undefined): { readonly key?: string; readonly token: string } {
  const encoded = /^basic +([a-z0-9+/=]+)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return { token: '' };
  const [key = '', ...rest] = Buffer.from(encoded, 'base64').toString().split(':');
  return { key, token: rest.join(':') };
}

/** All digests have one length. `timingSafeEqual` requires that, and the length of a token stays secret. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
