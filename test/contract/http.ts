import { describe } from 'vitest';
import { describeAccount } from './http/account.js';
import type { Adapter } from './http/adapter.js';
import { describeAddresses } from './http/addresses.js';
import { describeCategory } from './http/category.js';
import { describeClients } from './http/clients.js';
import { describeHttpCorrections } from './http/corrections.js';
import { describeCost } from './http/cost.js';
import { describeErrors } from './http/errors.js';
import { describeHeaders } from './http/headers.js';
import { describeLimit } from './http/limit.js';
import { describeLive } from './http/live.js';
import { describeMounts } from './http/mounts.js';
import { describeOptions } from './http/options.js';
import { describeOutage } from './http/outage.js';
import { describeParties } from './http/parties.js';
import { describeRefusal } from './http/refusal.js';
import { describeUnseen } from './http/unseen.js';
import { httpWorld } from './http/world.js';

/** The HTTP behaviour of every adapter, over real sockets. */
export function describeHttp(adapter: Adapter): void {
  describe(adapter.name, () => {
    const http = httpWorld(adapter);
    describeLimit(http);
    describeRefusal(http);
    describeHeaders(http);
    describeAccount(http);
    describeAddresses(http);
    describeCategory(http);
    describeMounts(http);
    describeOptions(http);
    describeCost(http);
    describeHttpCorrections(http);
    describeParties(http);
    describeUnseen(http);
    describeErrors(http);
    describeOutage(http);
    describeLive(http);
    describeClients(http);
  });
}
