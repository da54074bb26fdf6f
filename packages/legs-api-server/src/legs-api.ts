import { wallClock } from '@tollgate/core/kit';
import { Accounts, addEvent, type Collection, type Resource } from './accounts.js';
import { badRequest, notFound, type Reply } from './reply.js';

/** What the Legs API does, with no framework in it. `text` is a request's body as it came, or empty. */
export class LegsApi {
  readonly #accounts = new Accounts();

  create(account: string, collection: Collection, text: string): Reply {
    const body = parseBody(text);
    if (body === undefined) return MALFORMED;
    const resource: Resource = {
      sid: crypto.randomUUID().replaceAll('-', ''),
      createdTime: timestamp(),
      status: 'initiated',
      details: keptDetails(body),
      events: [],
    };
    this.#accounts.add(account, collection, resource);
    record(resource, `${NOUNS[collection]}_initiated`);
    return { status: 202, response: describe(account, collection, resource) };
  }

  read(account: string, collection: Collection, sid: string): Reply {
    const resource = this.#accounts.find(account, collection, sid);
    if (resource === undefined) return unknownSid(collection);
    return { status: 200, response: describe(account, collection, resource) };
  }

  update(account: string, collection: Collection, sid: string, text: string): Reply {
    const resource = this.#accounts.find(account, collection, sid);
    if (resource === undefined) return unknownSid(collection);
    const body = parseBody(text);
    if (body === undefined) return MALFORMED;
    resource.details = { ...resource.details, ...keptDetails(body) };
    return { status: 200, response: describe(account, collection, resource) };
  }

  /** The action's name stands in the path, else in the body's `action`. */
  act(account: string, collection: Collection, sid: string, verb: string | undefined, text: string): Reply {
    const resource = this.#accounts.find(account, collection, sid);
    if (resource === undefined) return unknownSid(collection);
    const body = parseBody(text);
    if (body === undefined) return MALFORMED;
    const action = verb ?? body['action'] ?? 'update';
    if (typeof action !== 'string' || !/^[a-z_]{1,32}$/.test(action)) return badRequest('Unknown action.');
    resource.status = STATUS_AFTER.get(action) ?? resource.status;
    record(resource, `${NOUNS[collection]}_${action}`);
    const names = { [`${NOUNS[collection]}_sid`]: sid };
    return { status: 202, response: { ...names, action, status: resource.status } };
  }

  events(account: string, collection: Collection, sid: string): Reply {
    const resource = this.#accounts.find(account, collection, sid);
    if (resource === undefined) return unknownSid(collection);
    return { status: 200, response: { [`${NOUNS[collection]}_sid`]: sid, external_events: resource.events } };
  }
}

const NOUNS = { legs: 'leg', bridges: 'bridge' } as const;
const STATUS_AFTER: ReadonlyMap<string, string> = new Map([
  ['answer', 'answered'],
  ['hangup', 'completed'],
]);
const MALFORMED = badRequest('The request body is not a JSON object.');

/** Only short strings under these names are kept, so that clients do not decide how much memory a leg takes. */
const KEPT = ['contact_uri', 'exophone', 'network_type', 'leg_event_endpoint', 'bridge_event_endpoint', 'custom_param'];
const MAX_KEPT_LENGTH = 256;

function keptDetails(body: Readonly<Record<string, unknown>>): Record<string, string> {
  const details: Record<string, string> = {};
  for (const name of KEPT) {
    const value = body[name];
    if (typeof value === 'string') details[name] = value.slice(0, MAX_KEPT_LENGTH);
  }
  return details;
}

function parseBody(text: string): Readonly<Record<string, unknown>> | undefined {
  if (text === '') return {};
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? { ...body } : undefined;
  } catch {
    return undefined;
  }
}

function describe(account: string, collection: Collection, resource: Resource): object {
  const path = `/v2/accounts/${encodeURIComponent(account)}/${collection}/${resource.sid}`;
  return {
    [`${NOUNS[collection]}_sid`]: resource.sid,
    account_sid: account,
    status: resource.status,
    ...resource.details,
    created_time: resource.createdTime,
    uri: path,
  };
}

function record(resource: Resource, name: string): void {
  addEvent(resource, { event_name: name, event_time: timestamp() });
}

function unknownSid(collection: Collection): Reply {
  return notFound(`There is no such ${NOUNS[collection]}.`);
}

function timestamp(): string {
  return new Date(wallClock()).toISOString();
}
