import { Redis } from 'ioredis';

/** One command over a connection of its own; fails within two seconds where nothing answers. */
export async function ask(port: number, command: string, ...args: (string | number)[]): Promise<unknown> {
  const client = new Redis(port, '127.0.0.1', {
    ...{ protocol: 2, disableClientInfo: true, enableReadyCheck: false, lazyConnect: true },
    ...{ commandTimeout: 2000, retryStrategy: () => null },
  });
  // The command fails as well, and the caller handles that.
  client.on('error', () => {});
  try {
    return await client.call(command, ...args);
  } finally {
    client.disconnect();
  }
}
