import type { MaybePromise, RateLimiter } from '@tollgate/core';
import { wallClock } from '@tollgate/core/kit';
import { Accounts, addEvent, type Collection, type Resource } from './accounts.js';
import { Minutes } from './minutes.js';
import { badRequest, notFound, type Reply } from './reply.js';

/** A request to the API, read by either framework. */
export interface LegsRequest {
  readonly account: string;
  readonly collection: Collection;
  /** Undefined in a path without it. */
  readonly sid: string | undefined;
  readonly verb: string | undefined;
  /** The body as text, or an empty string. */
  readonly text: string;
}

/** `path` follows `/v2/accounts/{account}/{collection}`. */
export interface Route {
  readonly method: 'get' | 'post' | 'put';
  readonly path: string;
  readonly reply: (request: LegsRequest) => MaybePromise<Reply>;
}

export const COLLECTIONS: readonly Collection[] = ['legs', 'bridges'];

/** The Legs API without a framework: its routes, over accounts in memory that are empty at first. */
export function legsRoutes(limiter: RateLimiter): readonly Route[] {
  const accounts = new Accounts();
  const minutes = new Minutes(limiter);
  const create = async (request: LegsRequest): Promise<Reply> => {
    const body = parseBody(request.text);
    if (body === undefined) return MALFORMED;
    const { refusal, receipt } = request.collection === 'legs' ? await minutes.reserve(request.account) : {};
    if (refusal !== undefined) return refusal;
    const resource: Resource = {
      sid: crypto.randomUUID().replaceAll('-', ''),
      createdTime: timestamp(),
      status: 'initiated',
      details: keptDetails(body),
      events: [],
      minutes: receipt,
    };
    accounts.add(request.account, request.collection, resource);
    record(resource, `${NOUNS[request.collection]}_initiated`);
    return { status: 202, response: describe(resource, request) };
  };
  const existing =
    (operation: (resource: Resource, request: LegsRequest) => MaybePromise<Reply>): Route['reply'] =>
    (request) => {
      const { account, collection, sid = '' } = request;
      const resource = accounts.find(account, collection, sid);
      return resource === undefined ? notFound(`There is no such ${NOUNS[collection]}.`) : operation(resource, request);
    };
  return [
    { method: 'post', path: '', reply: create },
    { method: 'get', path: '/:sid', reply: existing(read) },
    { method: 'put', path: '/:sid', reply: existing(update) },
    { method: 'post', path: '/:sid/actions', reply: existing((...one) => act(minutes, ...one)) },
    { method: 'post', path: '/:sid/actions/:verb', reply: existing((...one) => act(minutes, ...one)) },
    { method: 'get', path: '/:sid/external_events', reply: existing(listEvents) },
  ];
}

function read(resource: Resource, request: LegsRequest): Reply {
  return { status: 200, response: describe(resource, request) };
}

function update(resource: Resource, request: LegsRequest): Reply {
  const body = parseBody(request.text);
  if (body === undefined) return MALFORMED;
  resource.details = { ...resource.details, ...keptDetails(body) };
  return read(resource, request);
}

/** The action's name is in the path, or else in the body's `action`. */
async function act(minutes: Minutes, resource: Resource, { collection, verb, text }: LegsRequest): Promise<Reply> {
  const body = parseBody(text);
  if (body === undefined) return MALFORMED;
  const action = verb ?? body['action'] ?? 'update';
  if (typeof action !== 'string' || !/^[a-z_]{1,32}$/.test(action)) return badRequest('Unknown action.');
  resource.status = STATUS_AFTER.get(action) ?? resource.status;
  record(resource, `${NOUNS[collection]}_${action}`);
  const reserved = resource.minutes;
  if (action === 'hangup' && reserved !== undefined) await minutes.settle(reserved, resource.createdTime);
  return { status: 202, response: { [`${NOUNS[collection]}_sid`]: resource.sid, action, status: resource.status } };
}

function listEvents({ sid, events }: Resource, { collection }: LegsRequest): Reply {
  return { status: 200, response: { [`${NOUNS[collection]}_sid`]: sid, external_events: events } };
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

function describe({ sid, status, details, createdTime }: Resource, { account, collection }: LegsRequest): object {
  return {
    [`${NOUNS[collection]}_sid`]: sid,
    account_sid: account,
    status,
    ...details,
    created_time: createdTime,
    uri: `/v2/accounts/${encodeURIComponent(account)}/${collection}/${sid}`,
  };
}

function record(resource: Resource, name: string): void {
  addEvent(resource, { event_name: name, event_time: timestamp() });
}

function timestamp(): string {
  return new Date(wallClock()).toISOString();
}
