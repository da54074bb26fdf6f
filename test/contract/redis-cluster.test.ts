import { Cluster } from 'ioredis';
import { startCluster } from '../redis-servers/cluster.js';
import { describeOn } from './redis-suite.js';

describeOn('a cluster', 0.1, async () => {
  const cluster = await startCluster();
  return { client: new Cluster([...cluster.startupNodes]), stop: () => cluster.stop() };
});
