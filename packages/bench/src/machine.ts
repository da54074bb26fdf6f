import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';

/** What the figures depend on: processor, Node, and the versions of those that are compared. */
export function machine(): string {
  const versions = PACKAGES.map((name) => `${name} ${versionOf(name)}`).join(', ');
  return `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}\n${versions}`;
}

/** Found by looking where Node would: not every package lets its `package.json` be imported. */
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
