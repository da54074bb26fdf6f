import { type BenchOptions, type Part, readOptions } from './bench-options.js';
import { countCalls } from './calls/calls.js';
import { measureHttp } from './http/http.js';
import { machine } from './machine.js';
import { measureMemory } from './memory/memory.js';
import { measurePauses } from './pauses/pauses.js';
import { measureLayouts, measureRedis } from './redis/redis.js';

const MEASURES: Readonly<Record<Part, (options: BenchOptions) => Promise<void>>> = {
  memory: measureMemory,
  pauses: measurePauses,
  http: measureHttp,
  redis: measureRedis,
  layouts: measureLayouts,
  calls: countCalls,
};

try {
  const options = readOptions(process.argv.slice(2));
  console.log(machine());
  for (const part of options.parts) await MEASURES[part](options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
