import { type BenchOptions, isAsked } from '../bench-options.js';
import { OwnProcess } from '../own-process.js';
import { printTable } from '../table.js';
import type { Calls, Framework } from './calls-process.js';

/** Counts the functions of Tollgate between the socket and the handler: one admitted request, two quotas, in memory. */
export async function countCalls(options: BenchOptions): Promise<void> {
  const counted = new Map<Framework, Calls>();
  for (const framework of ['express', 'fastify'] as const) {
    if (!isAsked(options, framework)) continue;
    const process = new OwnProcess<Framework, Calls>(new URL('./calls-process.js', import.meta.url));
    try {
      counted.set(framework, await process.ask(framework));
    } finally {
      await process.end();
    }
  }
  printTable(
    'Calls of one admitted request in memory, warm',
    ['', 'functions', 'calls', 'files'],
    [...counted].map(([framework, { functions, calls, files }]) => [
      framework,
      `${functions.length}`,
      `${calls}`,
      `${files}`,
    ]),
  );
  for (const [framework, { functions }] of counted) console.log(`\n${framework}\n\n${functions.join('\n')}`);
}
