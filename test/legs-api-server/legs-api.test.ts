import { type Decision, legsApiPolicy, perHour, perMinute, RateLimiter } from '@tollgate/core';
import { afterEach, describe, expect, it } from 'vitest';
import { type RunningServer, startServer } from '../../packages/legs-api-server/dist/api/index.js';
import { FRAMEWORKS } from '../../packages/legs-api-server/dist/settings.js';

const HEX = expect.stringMatching(/^[0-9a-f]{32}$/);
const BASIC = `Basic ${Buffer.from('key:token').toString('base64')}`;

interface Envelope {
  readonly request_id: string;
  readonly http_code: number;
  readonly response: Readonly<Record<string, unknown>>;
}

describe.each(FRAMEWORKS)('the Legs API on %s', (framework) => {
  const running: RunningServer[] = [];
  afterEach(() => Promise.all(running.splice(0).map((server) => server.close())));

  async function serve(limiter = new RateLimiter({ policy: legsApiPolicy() })) {
    const server = await startServer({ framework, limiter, port: 0 });
    running.push(server);
    return async (method: string, path: string, options: { body?: string; headers?: Record<string, string> } = {}) => {
      const { body, headers = {} } = options;
      const response = await fetch(`${server.origin}${path}`, {
        method,
        headers: { authorization: BASIC, ...headers },
        ...(body === undefined ? {} : { body }),
      });
      const text = await response.text();
      expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
      const envelope: Envelope = JSON.parse(text);
      expect(Object.keys(envelope)).toEqual(['request_id', 'http_code', 'response']);
      expect(envelope.http_code).toBe(response.status);
      return { status: response.status, headers: response.headers, text, ...envelope };
    };
  }

  it.each([
    ['legs', 'leg_sid', 'leg'],
    ['bridges', 'bridge_sid', 'bridge'],
  ] as const)('serves every route of %s, each in its category', async (collection, sidName, noun) => {
    const call = await serve();
    const base = `/v2/accounts/ameyo5m/${collection}`;
    const created = await call('POST', base, { body: '{"contact_uri":"09163816621"}' });
    expect(created).toMatchObject({ status: 202, request_id: HEX });
    expect(created.response).toMatchObject({
      [sidName]: HEX,
      account_sid: 'ameyo5m',
      status: 'initiated',
      contact_uri: '09163816621',
    });
    const one = `${base}/${created.response[sidName]}`;

    const updated = await call('PUT', one, { body: '{"custom_param":"x"}' });
    expect(updated).toMatchObject({ status: 200, response: { contact_uri: '09163816621', custom_param: 'x' } });
    const read = await call('GET', one);
    expect(read).toMatchObject({ status: 200, response: updated.response });
    expect(read.headers.get('x-ratelimit-remaining')).toBe('97');

    const acted = await call('POST', `${one}/actions`, { body: '{"action":"answer"}' });
    expect(acted).toMatchObject({
      status: 202,
      response: { [sidName]: created.response[sidName], status: 'answered' },
    });
    const verb = await call('POST', `${one}/actions/hangup`);
    expect(verb).toMatchObject({ status: 202, response: { action: 'hangup', status: 'completed' } });
    expect(verb.headers.get('x-ratelimit-remaining')).toBe('98');

    const events = await call('GET', `${one}/external_events`);
    expect(events).toMatchObject({
      status: 200,
      response: {
        external_events: [
          { event_name: `${noun}_initiated` },
          { event_name: `${noun}_answer` },
          { event_name: `${noun}_hangup` },
        ],
      },
    });
    expect(events.headers.get('x-ratelimit-remaining')).toBe('99');
  });

  it('answers 404 to an unknown sid, a sid of another account, and an unknown route', async () => {
    const call = await serve();
    const { response } = await call('POST', '/v2/accounts/ameyo5m/legs');
    for (const [method, path] of [
      ['GET', '/v2/accounts/ameyo5m/legs/none'],
      ['PUT', '/v2/accounts/ameyo5m/bridges/none'],
      ['POST', '/v2/accounts/ameyo5m/legs/none/actions'],
      ['POST', '/v2/accounts/ameyo5m/legs/none/actions/hangup'],
      ['GET', '/v2/accounts/ameyo5m/legs/none/external_events'],
      ['GET', `/v2/accounts/other1m/legs/${response['leg_sid']}`],
      ['DELETE', '/v2/accounts/ameyo5m/legs/none'],
      ['GET', '/v2/accounts/ameyo5m/calls'],
      ['GET', '/v2/accounts/ameyo5m'],
    ] as const) {
      const answer = await call(method, path);
      expect(answer, path).toMatchObject({ status: 404, response: { error: { code: 'NOT_FOUND' } } });
      expect(answer.headers.has('x-ratelimit-remaining'), path).toBe(true);
    }
    expect(await call('GET', '/elsewhere')).toMatchObject({ status: 404, request_id: HEX });
  });

  it('answers 400 to a body that is not a JSON object, 413 to a large body, 400 to a malformed path', async () => {
    const call = await serve();
    for (const body of ['{"contact_uri":', '[]', '"text"', 'null']) {
      const answer = await call('POST', '/v2/accounts/ameyo5m/legs', {
        body,
        headers: { 'content-type': 'application/json' },
      });
      expect(answer, body).toMatchObject({ status: 400, response: { error: { code: 'BAD_REQUEST' } } });
    }
    const large = await call('POST', '/v2/accounts/ameyo5m/legs', { body: `{"a":"${'x'.repeat(20_000)}"}` });
    expect(large.status).toBe(413);
    expect(await call('GET', '/v2/accounts/ameyo5m/legs/%zz')).toMatchObject({ status: 400 });
  });

  it('answers 401 without valid credentials, and charges nothing to the account', async () => {
    const call = await serve();
    for (const credentials of [
      '',
      'Bearer token',
      'Basic',
      'Basic !',
      basic('key'),
      basic('key:no'),
      basic('no:token'),
    ]) {
      const answer = await call('POST', '/v2/accounts/ameyo5m/legs', { headers: { authorization: credentials } });
      expect(answer, credentials).toMatchObject({ status: 401, response: { error: { code: 'UNAUTHORIZED' } } });
      expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
    }
    const admitted = await call('POST', '/v2/accounts/ameyo5m/legs');
    expect(admitted.headers.get('x-ratelimit-remaining')).toBe('99');
  });

  it('limits requests without credentials by address, over all accounts', async () => {
    const call = await serve();
    const statuses = new Map<number, number>();
    for (let number = 0; number < 103; number++) {
      const { status, headers } = await call('GET', `/v2/accounts/a${number}/legs/x`, {
        headers: { authorization: '' },
      });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === 429) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect([...statuses]).toEqual([
      [401, 100],
      [429, 3],
    ]);
    expect((await call('POST', '/v2/accounts/ameyo5m/legs')).status).toBe(202);
  });

  it('limits wrong tokens by the key that they are tried with, and never refuses the right one', async () => {
    const call = await serve();
    const statuses: number[] = [];
    for (let number = 0; number < 101; number++) {
      const authorization = basic(`key:wrong${number}`);
      statuses.push((await call('GET', '/v2/accounts/a/legs/x', { headers: { authorization } })).status);
    }
    expect(statuses).toEqual([...Array(100).fill(401), 429]);
    expect((await call('POST', '/v2/accounts/ameyo5m/legs')).status).toBe(202);
  });

  it('limits each leg and bridge where the policy does', async () => {
    const limiter = new RateLimiter({
      policy: legsApiPolicy({ each: { leg: [perMinute(2)], bridge: [perMinute(1)] } }),
    }) as RateLimiter;
    const call = await serve(limiter);
    const actionsOn = async (collection: string, noun: string) => {
      const made = await call('POST', `/v2/accounts/ameyo5m/${collection}`);
      const statuses: number[] = [];
      for (let sent = 0; sent < 3; sent++) {
        const path = `/v2/accounts/ameyo5m/${collection}/${made.response[`${noun}_sid`]}/actions`;
        statuses.push((await call('POST', path)).status);
      }
      return statuses;
    };
    expect(await actionsOn('legs', 'leg')).toEqual([202, 202, 429]);
    expect(await actionsOn('legs', 'leg')).toEqual([202, 202, 429]);
    expect(await actionsOn('bridges', 'bridge')).toEqual([202, 429, 429]);
  });

  it('reserves ten minutes for a leg, and settles them when it hangs up', async () => {
    const limiter = new RateLimiter({
      policy: {
        quotas: [perMinute(100)],
        categories: { minutes: [perHour(15)] },
        known: { categories: ['legs', 'bridges', 'actions', 'events', 'other'] },
      },
    }) as RateLimiter;
    const call = await serve(limiter);
    const minutes = () => (limiter.peek({ account: 'ameyo5m', category: 'minutes' }) as Decision).quotas[0]!.used;
    const made = await call('POST', '/v2/accounts/ameyo5m/legs');
    expect([made.status, minutes()]).toEqual([202, 10]);
    const refused = await call('POST', '/v2/accounts/ameyo5m/legs');
    expect(refused).toMatchObject({ status: 429, response: { error: { code: 'RATE_LIMIT_EXCEEDED' } } });
    expect(refused.headers.get('retry-after')).toBe('3600');
    expect((await call('POST', '/v2/accounts/ameyo5m/bridges')).status).toBe(202);
    const leg = `/v2/accounts/ameyo5m/legs/${made.response['leg_sid']}`;
    for (let sent = 0; sent < 2; sent++) await call('POST', `${leg}/actions/hangup`);
    expect(minutes()).toBe(1);
    expect((await call('POST', '/v2/accounts/ameyo5m/legs')).status).toBe(202);
  });

  it('refuses with the envelope of the Legs API, byte for byte', async () => {
    const call = await serve(new RateLimiter({ policy: { quotas: [perMinute(1)] } }));
    await call('POST', '/v2/accounts/ameyo5m/legs');
    const refused = await call('POST', '/v2/accounts/ameyo5m/legs');
    const body = (id: string) =>
      `{"request_id":"${id}","http_code":429,"response":{"error":{"code":"RATE_LIMIT_EXCEEDED","message":"Rate limit exceeded. Please retry after some time."}}}`;
    expect(refused).toMatchObject({ status: 429, request_id: HEX, text: body(refused.request_id) });
    expect(refused.headers.get('retry-after')).toBe('60');
    const named = await call('POST', '/v2/accounts/ameyo5m/legs', { headers: { 'x-request-id': 'mine-1' } });
    expect(named.text).toBe(body('mine-1'));
  });
});

function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}
