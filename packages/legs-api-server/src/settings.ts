import { parseArgs } from 'node:util';
import { definePolicy, legsApiPolicy, type Policy, type RateLimiter } from '@tollgate/core';
import { RedisLimits, RedisStore } from '@tollgate/redis';
import { watchPolicyFile } from '@tollgate/sources';

export const FRAMEWORKS = ['express', 'fastify'] as const;
export type Framework = (typeof FRAMEWORKS)[number];

export type Environment = Readonly<Record<string, string | undefined>>;

/** The flags of a command line. `extra` are flags of this command only. */
export function readFlags<Extra extends string = never>(
  args: readonly string[],
  ...extra: readonly Extra[]
): Readonly<Partial<Record<Framework | Extra, boolean>>> {
  const options = Object.fromEntries([...FRAMEWORKS, ...extra].map((name) => [name, { type: 'boolean' as const }]));
  return parseArgs({ args: [...args], options }).values as Partial<Record<Framework | Extra, boolean>>;
}

/** The framework of a flag, else of the variable `FRAMEWORK`, else Express. */
export function readFramework(
  flags: Readonly<Partial<Record<Framework, boolean>>>,
  environment: Environment,
): Framework {
  if (flags.express && flags.fastify) throw new Error('Expected one of --express and --fastify, got both');
  if (flags.express) return 'express';
  if (flags.fastify) return 'fastify';
  const named = environment['FRAMEWORK'] || 'express';
  const framework = FRAMEWORKS.find((known) => known === named);
  if (framework === undefined) {
    throw new Error(`Expected FRAMEWORK to be express or fastify, got ${JSON.stringify(named)}`);
  }
  return framework;
}

export function readPort(environment: Environment): number {
  return portOf('PORT', environment['PORT'] || '3000');
}

/** The port for metrics; `undefined` if none are wanted. */
export function readMetricsPort(environment: Environment): number | undefined {
  const text = environment['METRICS_PORT'];
  return text ? portOf('METRICS_PORT', text) : undefined;
}

function portOf(name: string, text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new Error(`Expected ${name} to be an integer from 0 to 65535, got ${JSON.stringify(text)}`);
  }
  return Number(text);
}

export interface PolicySource {
  readonly policy: Policy;
  /** Sets every later policy on the limiter. */
  feed(limiter: RateLimiter): void;
  close(): Promise<void>;
}

/** The policy in `POLICY`: JSON, or the path of a watched JSON or YAML file. Default: the Legs API's policy. */
export async function readPolicy(environment: Environment): Promise<PolicySource> {
  const text = environment['POLICY']?.trim();
  if (!text) return fixed(legsApiPolicy());
  try {
    if (/^[[{]/.test(text)) return fixed(definePolicy(JSON.parse(text)));
    return await watchPolicyFile(text, {
      onPolicy: () => console.log(`Another policy is in force: ${text} was changed.`),
      onError: (error) => console.log(`The policy stays as it is. ${error.message}`),
    });
  } catch (error) {
    throw new Error(`POLICY cannot be used: ${messageOf(error)}`);
  }
}

function fixed(policy: Policy): PolicySource {
  return { policy, feed() {}, close: async () => {} };
}

/** The store on the Redis of `REDIS_URL`; `undefined` without that variable. */
export function readStore(environment: Environment, prefix = 'tollgate'): RedisStore | undefined {
  return onRedis(environment, (url) => new RedisStore({ url, prefix }));
}

/** The account limits on the Redis of `REDIS_URL`; `undefined` without that variable. */
export function readLimits(environment: Environment, prefix = 'tollgate'): RedisLimits | undefined {
  return onRedis(environment, (url) => new RedisLimits({ url, prefix }));
}

function onRedis<T>(environment: Environment, make: (url: string) => T): T | undefined {
  const url = environment['REDIS_URL']?.trim();
  if (!url) return undefined;
  try {
    return make(url);
  } catch {
    // The text may contain a password, so it is not shown.
    throw new Error('Expected REDIS_URL to be a redis: or rediss: URL, such as redis://127.0.0.1:6379');
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
