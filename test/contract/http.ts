import { describe } from 'vitest';
import { describeAccount } from './http/account.js';
import type { Adapter } from './http/adapter.js';
import { describeCategory } from './http/category.js';
import { describeClients } from './http/clients.js';
import { describeErrors } from './http/errors.js';
import { describeHeaders } from './http/headers.js';
import { describeLimit } from './http/limit.js';
import { describeLive } from './http/live.js';
import { describeOptions } from './http/options.js';
import { describeOutage } from './http/outage.js';
import { describeRefusal } from './http/refusal.js';
import { httpWorld } from './http/world.js';

/** The HTTP behaviour of every adapter, over real sockets. */
export function describeHttp(adapter: Adapter): void {
  describe(adapter.name, () => {
    const http = httpWorld(adapter);
    describeLimit(http);
    describeRefusal(http);
    describeHeaders(http);
    describeAccount(http);
    describeCategory(http);
    describeOptions(http);
    describeErrors(http);
    describeOutage(http);
    describeLive(http);
    describeClients(http);
  });
}
