import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from './pack.js';

/** A program in `program/` has a copy of core of its own. The adapters beside it have another. */
describe('an adapter with a limiter from another copy of core', () => {
  const cache = join(ROOT, 'node_modules/.cache');
  let folder = '';

  function install(name: string, into: string): void {
    const target = join(folder, into, 'node_modules/@tollgate', name);
    for (const part of ['package.json', 'dist']) {
      cpSync(join(ROOT, 'packages', name, part), join(target, part), { recursive: true });
    }
  }

  beforeAll(() => {
    // In the repository, so that the frameworks resolve.
    mkdirSync(cache, { recursive: true });
    folder = mkdtempSync(join(cache, 'tollgate-two-copies-'));
    for (const name of ['core', 'express', 'fastify']) install(name, '.');
    install('core', 'program');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function run(program: string): Promise<string[]> {
    const preamble = `
      import { perMinute, RateLimiter } from '@tollgate/core';
      import * as core from '../node_modules/@tollgate/core/dist/index.js';
      if (core.RateLimiter === RateLimiter) throw new Error('there is one copy of core');
      const optionsWith = (headers) => ({ limiter: new RateLimiter({ policy: { quotas: [perMinute(1)] } }), account: 'address', headers });
      const show = (status, headers) => {
        const rate = headers['ratelimit']?.replace(/t=[0-9]+$/, 't=60');
        console.log(status, headers['ratelimit-policy'], rate, headers['x-ratelimit-limit']);
      };`;
    const file = join(folder, 'program/main.mjs');
    writeFileSync(file, preamble + program);
    const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 20_000 });
    return stdout.trimEnd().split('\n');
  }

  it.each([
    ['draft-11', 'undefined'],
    ['both', '1'],
  ])('answers with the headers %s, and not with an error', async (format, limitShown) => {
    const onExpress = await run(`
      import express from 'express';
      import { rateLimit } from '@tollgate/express';
      const app = express().use(rateLimit(optionsWith('${format}')), (request, response) => response.end());
      const server = app.listen(0, '127.0.0.1', async () => {
        for (let sent = 0; sent < 2; sent++) {
          const { status, headers } = await fetch('http://127.0.0.1:' + server.address().port);
          show(status, Object.fromEntries(headers));
        }
        server.close();
      });`);
    const onFastify = await run(`
      import Fastify from 'fastify';
      import { rateLimit } from '@tollgate/fastify';
      const app = Fastify();
      await app.register(rateLimit, optionsWith('${format}'));
      app.get('/', async () => 'x');
      for (let sent = 0; sent < 2; sent++) {
        const { statusCode, headers } = await app.inject('/');
        show(statusCode, headers);
      }
      await app.close();`);
    const shown = [200, 429].map((status) => `${status} "per-minute";q=1;w=60 "per-minute";r=0;t=60 ${limitShown}`);
    expect({ onExpress, onFastify }).toEqual({ onExpress: shown, onFastify: shown });
  });
});
