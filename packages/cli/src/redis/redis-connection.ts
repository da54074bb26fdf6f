import { within } from '@tollgate/core/kit';
import { Cluster, Redis } from 'ioredis';
import { redisFailure } from './redis-failure.js';

/**
 * Connects once: a command, unlike a service, does not wait for a server to come back. The URL of one node of a Cluster
 * connects to the whole Cluster.
 *
 * @throws RedisFailure when connecting fails, or takes longer than the timeout.
 */
export async function connect(url: string, timeoutMs: number): Promise<Redis | Cluster> {
  const own = {
    lazyConnect: true,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    disconnectTimeout: DISCONNECT_MS,
    maxRetriesPerRequest: 0,
  };
  const node = new Redis(url, { ...own, retryStrategy: () => null });
  await open(node, url, timeoutMs);
  // A server that does not answer INFO counts as a single server.
  const info = await node.info('cluster').catch(() => '');
  if (!info.includes('cluster_enabled:1')) return node;

  const { host = '', port = 6379, username, password, tls } = node.options;
  node.disconnect();
  const redisOptions = { ...own, username, password, ...(tls && { tls }) };
  const cluster = new Cluster([{ host, port }], { lazyConnect: true, redisOptions, clusterRetryStrategy: () => null });
  await open(cluster, url, timeoutMs);
  return cluster;
}

async function open(client: Redis | Cluster, url: string, timeoutMs: number): Promise<void> {
  let reported: unknown;
  client.on('error', (error) => {
    reported = error;
  });
  try {
    await within(client.connect(), timeoutMs, () => {
      throw new Error(`no answer within ${timeoutMs} ms`);
    });
    // With the number of a missing database the client connects, and stays on another database.
    if (reported !== undefined) throw reported;
  } catch (error) {
    client.disconnect();
    // The promise only reports a closed connection. The event has the reason.
    throw redisFailure(url, 'cannot be reached', reported ?? error);
  }
}

/** The longest wait when a connection to a silent server is closed. */
const DISCONNECT_MS = 100;
