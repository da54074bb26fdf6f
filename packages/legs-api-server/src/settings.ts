import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { legsApiPolicy, RateLimiter } from '@tollgate/core';
import { FRAMEWORKS, type Framework } from './start-server.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The framework that a flag names, else the variable `FRAMEWORK`, else Express. */
export function readFramework(args: readonly string[], environment: Environment): Framework {
  const { values } = parseArgs({
    args: [...args],
    options: { express: { type: 'boolean' }, fastify: { type: 'boolean' } },
  });
  if (values.express && values.fastify) throw new Error('Expected one of --express and --fastify, got both');
  if (values.express) return 'express';
  if (values.fastify) return 'fastify';
  const named = environment['FRAMEWORK'] || 'express';
  const framework = FRAMEWORKS.find((known) => known === named);
  if (framework === undefined) {
    throw new Error(`Expected FRAMEWORK to be express or fastify, got ${JSON.stringify(named)}`);
  }
  return framework;
}

export function readPort(environment: Environment): number {
  const text = environment['PORT'] || '3000';
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new Error(`Expected PORT to be an integer from 0 to 65535, got ${JSON.stringify(text)}`);
  }
  return Number(text);
}

/** A limiter by the policy options in `POLICY`: JSON, or the path of a JSON file. Default: the Legs API's own policy. */
export function readLimiter(environment: Environment): RateLimiter {
  const policy = environment['POLICY']?.trim();
  if (!policy) return new RateLimiter({ policy: legsApiPolicy() });
  try {
    return new RateLimiter({ policy: JSON.parse(/^[[{]/.test(policy) ? policy : readFileSync(policy, 'utf8')) });
  } catch (error) {
    throw new Error(`POLICY cannot be used: ${messageOf(error)}`);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
