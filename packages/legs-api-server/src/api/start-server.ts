import { createServer } from 'node:http';
import type { RateLimiter } from '@tollgate/core';
import { closed, HOST, listening } from '../listening.js';
import type { Framework } from '../settings.js';
import { expressApp } from './express-app.js';
import { fastifyApp } from './fastify-app.js';
import { type Credentials, EXAMPLE_CREDENTIALS } from './gate.js';

export interface ServerSettings {
  readonly framework: Framework;
  readonly limiter: RateLimiter;
  /** 0 takes any free port. */
  readonly port: number;
  readonly credentials?: Credentials;
}

export interface RunningServer {
  readonly origin: string;
  /** Accepts no new requests, and waits a moment for pending ones. */
  close(): Promise<void>;
}

/** Serves the Legs API on the loopback address only, since its credentials are public. */
export async function startServer(settings: ServerSettings): Promise<RunningServer> {
  const { framework, limiter, port, credentials = EXAMPLE_CREDENTIALS } = settings;
  if (framework === 'fastify') {
    const app = fastifyApp(limiter, credentials);
    const origin = await app.listen({ port, host: HOST });
    return { origin, close: () => closed(app.server, () => app.close()) };
  }
  const server = createServer(expressApp(limiter, credentials));
  const origin = await listening(server, port);
  return { origin, close: () => closed(server, () => server.close()) };
}
