import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { Session } from 'node:inspector/promises';
import type { AddressInfo } from 'node:net';
import { EXPRESS_LIMITERS } from '../contenders/express-limiters.js';
import { FASTIFY_LIMITERS } from '../contenders/fastify-limiters.js';
import { answerTasks } from '../own-process.js';

export type Framework = 'express' | 'fastify';

/** The functions of Tollgate that an admitted request calls: the median of several requests. */
export interface Calls {
  /** `core/http/headers.js writeXRateLimit`, in alphabetical order. */
  readonly functions: readonly string[];
  readonly files: number;
  /** All calls: a function that is called three times counts three times. */
  readonly calls: number;
}

const SETTINGS = { limit: 1_000_000, windowMs: 60_000 };
const WARM_UPS = 20;
const SAMPLES = 31;
const PATH = '/v2/accounts/:account_sid/legs';

async function listenerOf(framework: Framework): Promise<Parameters<typeof createServer>[1]> {
  if (framework === 'express') {
    const { default: express } = await import('express');
    const app = express();
    app.get(PATH, await EXPRESS_LIMITERS['tollgate']!(SETTINGS), (_request, response) => {
      response.end('{}');
    });
    return app;
  }
  const { default: fastify } = await import('fastify');
  const app = fastify();
  await FASTIFY_LIMITERS['tollgate']!(app, SETTINGS);
  app.get(PATH, (_request, reply) => {
    reply.send('{}');
  });
  await app.ready();
  return app.routing;
}

answerTasks<Framework>(async (framework) => {
  const server = createServer(await listenerOf(framework)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const request = () =>
    new Promise<void>((resolve, reject) => {
      get({ port, path: PATH.replace(':account_sid', 'ameyo5m'), agent: false }, (response) => {
        response.resume().once('end', () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`${framework} answered ${response.statusCode}`));
        });
      }).once('error', reject);
    });
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  // The first requests of an account make its counter and fill the caches.
  for (let warmUp = 0; warmUp < WARM_UPS; warmUp++) await request();
  await session.post('Profiler.takePreciseCoverage');
  const samples: Calls[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    await request();
    samples.push(callsIn((await session.post('Profiler.takePreciseCoverage')).result));
  }
  session.disconnect();
  server.close();
  // Now and then a request also makes room for its slice, or reclaims an expired counter.
  samples.sort((one, other) => one.functions.length - other.functions.length);
  return samples[Math.floor(SAMPLES / 2)]!;
});

interface Script {
  readonly url: string;
  readonly functions: readonly {
    readonly functionName: string;
    readonly ranges: readonly { readonly count: number }[];
  }[];
}

function callsIn(scripts: readonly Script[]): Calls {
  const functions: string[] = [];
  const files = new Set<string>();
  let calls = 0;
  for (const script of scripts) {
    const file = /packages\/((?:core|express|fastify)\/)dist\/(.*)/.exec(script.url);
    if (file === null) continue;
    for (const { functionName, ranges } of script.functions) {
      const count = ranges[0]?.count ?? 0;
      // V8's own initializer of private fields, in angle brackets, is part of its constructor.
      if (count === 0 || functionName.startsWith('<')) continue;
      calls += count;
      files.add(script.url);
      functions.push(`${file[1]}${file[2]} ${functionName === '' ? '(anonymous)' : functionName}`);
    }
  }
  return { functions: functions.sort(), files: files.size, calls };
}
