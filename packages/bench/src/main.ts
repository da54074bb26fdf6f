import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { type BenchOptions, type Part, readOptions } from './bench-options.js';
import { countCalls } from './calls/calls.js';
import { measureHttp } from './http/http.js';
import { measureMemory } from './memory/memory.js';
import { measurePauses } from './pauses/pauses.js';
import { measureLayouts, measureRedis } from './redis/redis.js';

const MEASURES: Readonly<Record<Part, (options: BenchOptions) => Promise<void>>> = {
  memory: measureMemory,
  pauses: measurePauses,
  http: measureHttp,
  redis: measureRedis,
  layouts: measureLayouts,
  calls: countCalls,
};

const PACKAGES = [
  'express',
  'fastify',
  'express-rate-limit',
  'rate-limit-redis',
  '@fastify/rate-limit',
  'rate-limiter-flexible',
  '@joint-ops/hitlimit',
  'ioredis',
];

/** What the figures depend on: the processor, Node, and the versions of the compared packages. */
function machine(): string {
  const versions = PACKAGES.map((name) => `${name} ${versionOf(name)}`).join(', ');
  return `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}\n${versions}`;
}

/** Reads the file where Node would find it, since not every package exports its `package.json`. */
function versionOf(name: string): string {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    try {
      return JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')).version;
    } catch {
      // Not in this folder.
    }
  }
  return 'of unknown version';
}

try {
  const options = readOptions(process.argv.slice(2));
  console.log(machine());
  for (const part of options.parts) await MEASURES[part](options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
