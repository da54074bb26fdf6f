// Charges one account without pause for a given time, and prints the server's instants of the admissions.
import { Quota } from '@tollgate/core';
import { RedisStore } from '@tollgate/redis';
import { Redis } from 'ioredis';

const [url, prefix, startsAt, forMs] = process.argv.slice(2);
const client = new Redis(url);
const store = new RedisStore({ client, prefix });
const counters = [
  { name: 'legs', quotas: [new Quota({ limit: 100, windowMs: 1000 }), new Quota({ limit: 400, windowMs: 5000 })] },
];
const admitted = [];
let asked = 0;

async function charge(endsAt) {
  while (Date.now() < endsAt) {
    const outcome = await store.consume('shared', counters, 1);
    asked++;
    if (outcome.allowed) admitted.push(outcome.now);
    // Refusals may be known at once, and a loop of those would let nothing else happen.
    if (asked % 50 === 0) await new Promise(setImmediate);
  }
}

await client.ping();
await new Promise((resolve) => setTimeout(resolve, Number(startsAt) - Date.now()));
await Promise.all(Array.from({ length: 8 }, () => charge(Number(startsAt) + Number(forMs))));
console.log(JSON.stringify({ admitted, asked }));
await store.close();
client.disconnect();
