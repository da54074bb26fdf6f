import type { Server } from 'node:http';

/** The loopback address: this server is an example, and its credentials are public. */
export const HOST = '127.0.0.1';

/** Makes the server listen, and returns its origin. */
export async function listening(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  return `http://${HOST}:${address.port}`;
}

/** Accepts no new requests, and waits a moment for pending ones. */
export async function closed(server: Server, close: () => unknown): Promise<void> {
  const ended = new Promise<void>((resolve) => server.once('close', resolve));
  close();
  server.closeIdleConnections();
  const grace = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await ended;
  clearTimeout(grace);
}

const GRACE_MS = 2000;
