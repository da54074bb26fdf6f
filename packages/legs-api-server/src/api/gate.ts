import { createHash, timingSafeEqual } from 'node:crypto';
import { perMinute, RateLimiter } from '@tollgate/core';
import { Answers, clientAddress } from '@tollgate/core/http';
import { type Answer, type AnsweredRequest, answerOf, requestIdOf, unauthorized } from './reply.js';

/** API keys with their tokens. An account may use several: limits are per account, not per key. */
export type Credentials = ReadonlyMap<string, string>;

export const EXAMPLE_CREDENTIALS: Credentials = new Map([['key', 'token']]);

/**
 * Authenticates requests before the accounts' limiter. The path shows the account, so without this gate anybody could
 * use up its limit without a key. Requests that fail here are limited by the client's address.
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
    if (this.#isAuthorized(request.headers.authorization)) return undefined;
    const decision = await this.#strangers.consume({
      address: clientAddress(request.ip),
      category: 'unauthenticated',
    });
    if (decision.allowed) return answerOf(request, unauthorized());
    const headers: Record<string, string> = {};
    const set = (name: string, value: string) => {
      headers[name] = value;
    };
    this.#answers.writeHeaders(decision, set);
    const body = this.#answers.writeBody(decision, requestIdOf(request), set);
    return { status: this.#answers.status(decision), headers, body };
  }

  #isAuthorized(authorization: string | undefined): boolean {
    const encoded = /^basic +([a-z0-9+/=]+)$/i.exec(authorization ?? '')?.[1];
    if (encoded === undefined) return false;
    const [key, ...rest] = Buffer.from(encoded, 'base64').toString().split(':');
    const token = key === undefined ? undefined : this.#credentials.get(key);
    return token !== undefined && timingSafeEqual(digest(rest.join(':')), digest(token));
  }
}

/** All digests have one length. `timingSafeEqual` requires that, and the length of a token stays secret. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
