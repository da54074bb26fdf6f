// Charges several slots of a cluster. Another slot refuses, and this process stops before it gives its part back.
import { Quota } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';
import { Cluster } from 'ioredis';

const [nodes, prefix, account, cost] = process.argv.slice(2);
const client = new Cluster(JSON.parse(nodes));
const store = new RedisStore({ client, prefix, timeoutMs: 60_000 });
const counters = [
  { name: 'legs', quotas: [new Quota({ limit: 10, windowMs: 60_000 })] },
  { name: '*', quotas: [new Quota({ limit: 10, windowMs: 60_000 })], account: '@service' },
];

await store.ready();
const send = client.sendCommand.bind(client);
let parts = 0;
client.sendCommand = (command, stream) => {
  if (!/^eval/i.test(command.name)) return send(command, stream);
  parts++;
  // The third call would give back what was reserved.
  if (parts > 2) {
    console.log('reserved');
    return new Promise(() => {});
  }
  return send(command, stream);
};
await store.consume(account, counters, Number(cost));
console.log('answered');
