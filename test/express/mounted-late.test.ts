import { createServer } from 'node:http';
import { perMinute } from '@tollgate/core';
import { type RateLimitOptions, rateLimit } from '@tollgate/express';
import express5, { type Express } from 'express';
// @ts-expect-error: Express 4 has no types here, those of Express 5 serve for both
import express4 from 'express4';
import { afterEach, describe, expect, it } from 'vitest';
import { aMinuteOf } from '../a-minute.js';
import { listening, type Running } from '../contract/http/adapter.js';

const running: Running[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
});

async function minuteOf(app: Express, path: string): Promise<readonly string[]> {
  const one = await listening(createServer(app));
  running.push(one);
  return aMinuteOf(one.server, path);
}

describe.each<[name: string, framework: typeof express5]>([
  ['Express 5', express5],
  ['Express 4', express4],
])('%s: middleware that is mounted', (framework, express) => {
  const nameOf = (title: string) => `${framework}-${title}`.replaceAll(' ', '-');
  const options = (title: string): RateLimitOptions => ({
    policy: { quotas: [perMinute(9)] },
    account: 'address',
    name: nameOf(title),
  });
  const reported = (title: string) => [
    expect.stringContaining(`TOLLGATE_NOTHING_DECIDED The limiter ${nameOf(title)} is mounted and has decided none`),
  ];
  const appWithRoute = () => express().get('/hello', (_request, response) => void response.end());

  it('after the routes is reported', async () => {
    const app = appWithRoute();
    app.use(rateLimit(options('after')));
    expect(await minuteOf(app, '/hello')).toEqual(reported('after'));
  });

  it('in a router, on a route, and in the parent of an app, after what answers, is reported', async () => {
    const router = express.Router();
    router.get('/hello', (_request, response) => void response.end());
    router.use(rateLimit(options('in a router')));
    expect(await minuteOf(express().use('/in', router), '/in/hello')).toEqual(reported('in a router'));
    const onRoute = appWithRoute().post('/other', rateLimit(options('on a route')));
    expect(await minuteOf(onRoute, '/hello')).toEqual(reported('on a route'));
    const parent = express()
      .use('/in', appWithRoute())
      .use(rateLimit(options('in the parent')));
    expect(await minuteOf(parent, '/in/hello')).toEqual(reported('in the parent'));
  });

  it('on a path that gives a 404 for all is reported', async () => {
    const app = express();
    app.use('/v2', rateLimit(options('on a path')));
    expect(await minuteOf(app, '/v1/hello')).toEqual(reported('on a path'));
  });

  it('in front is no mistake, also where it skips, nor beside a server without limits', async () => {
    const app = express();
    app.use(rateLimit(options('in front')));
    app.use(rateLimit({ ...options('skips'), skip: () => true }));
    expect(await minuteOf(app, '/hello')).toEqual([]);
    express().use(rateLimit(options('idle')));
    expect(await minuteOf(appWithRoute(), '/hello')).toEqual([]);
  });
});
