import { createServer, type Server } from 'node:http';
import type { RateLimiter } from '@tollgate/core';
import { expressApp } from './express-app.js';
import { fastifyApp } from './fastify-app.js';
import { type Credentials, EXAMPLE_CREDENTIALS } from './gate.js';

export const FRAMEWORKS = ['express', 'fastify'] as const;
export type Framework = (typeof FRAMEWORKS)[number];

export interface ServerSettings {
  readonly framework: Framework;
  readonly limiter: RateLimiter;
  /** 0 asks for any free port. */
  readonly port: number;
  readonly credentials?: Credentials;
}

export interface RunningServer {
  readonly origin: string;
  /** Takes no new requests, and waits a moment for those under way. */
  close(): Promise<void>;
}

/** Serves the Legs API on the loopback address alone: its credentials are public. */
export async function startServer(settings: ServerSettings): Promise<RunningServer> {
  const { framework, limiter, port, credentials = EXAMPLE_CREDENTIALS } = settings;
  if (framework === 'fastify') {
    const app = fastifyApp(limiter, credentials);
    const origin = await app.listen({ port, host: HOST });
    return { origin, close: () => closed(app.server, () => app.close()) };
  }
  const server = createServer(expressApp(limiter, credentials));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, resolve);
  });
  return { origin: originOf(server), close: () => closed(server, () => server.close()) };
}

const HOST = '127.0.0.1';
const GRACE_MS = 2000;

async function closed(server: Server, close: () => unknown): Promise<void> {
  const ended = new Promise<void>((resolve) => server.once('close', resolve));
  close();
  server.closeIdleConnections();
  const grace = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await ended;
  clearTimeout(grace);
}

function originOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  return `http://${HOST}:${address.port}`;
}
