import { Cluster, Redis } from 'ioredis';
import { redisFailure } from './redis-failure.js';

/**
 * Connects, once: a command is not a service, so it does not wait for a server to come back. A URL of one node of a Cluster
 * leads to the whole of it.
 *
 * @throws RedisFailure when that has failed, or was not done within the timeout.
 */
export async function connect(url: string, timeoutMs: number): Promise<Redis | Cluster> {
  const own = {
    lazyConnect: true,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    disconnectTimeout: GIVES_UP_MS,
    maxRetriesPerRequest: 0,
  };
  const node = new Redis(url, { ...own, retryStrategy: () => null });
  await open(node, url, timeoutMs);
  // A server that does not tell is taken for one that stands alone.
  const about = await node.info('cluster').catch(() => '');
  if (!about.includes('cluster_enabled:1')) return node;

  const { host = '', port = 6379, username, password, tls } = node.options;
  node.disconnect();
  const redisOptions = { ...own, username, password, ...(tls && { tls }) };
  const cluster = new Cluster([{ host, port }], { lazyConnect: true, redisOptions, clusterRetryStrategy: () => null });
  await open(cluster, url, timeoutMs);
  return cluster;
}

async function open(client: Redis | Cluster, url: string, timeoutMs: number): Promise<void> {
  let told: unknown;
  client.on('error', (error) => {
    told = error;
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    await Promise.race([client.connect(), late]);
    // A database that there is not leaves the client on another one, connected.
    if (told !== undefined) throw told;
  } catch (error) {
    client.disconnect();
    // The promise says that the connection is closed, the event why.
    throw redisFailure(url, 'cannot be reached', told ?? error);
  } finally {
    clearTimeout(timer);
  }
}

/** How long a connection to a server that does not answer may take to close. */
const GIVES_UP_MS = 100;
