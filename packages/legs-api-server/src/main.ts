import { RateLimiter } from '@tollgate/core';
import { type RunningServer, startServer } from './api/index.js';
import { Metrics } from './metrics.js';
import {
  messageOf,
  readFlags,
  readFramework,
  readLimits,
  readMetricsPort,
  readPolicy,
  readPort,
  readStore,
} from './settings.js';

async function main(): Promise<void> {
  const framework = readFramework(readFlags(process.argv.slice(2)), process.env);
  const port = readPort(process.env);
  const metricsPort = readMetricsPort(process.env);
  const store = readStore(process.env);
  const limits = readLimits(process.env);
  const source = await readPolicy(process.env);
  const { policy } = source;
  // Made before the limiter, so that every decision is counted.
  const metrics = metricsPort === undefined ? undefined : new Metrics();
  const limiter = new RateLimiter({
    policy,
    ...(store && { store }),
    ...(limits && { accounts: limits }),
    // Sent to Redis every second, so that `npx tollgate usage` shows it soon.
    usage: { flushMs: 1000 },
  });
  source.feed(limiter);
  const closeLimiter = async () => {
    await source.close();
    await limiter.close();
    await limits?.close();
    await store?.close();
    await metrics?.close();
  };

  let server: RunningServer;
  let metricsUrl: string | undefined;
  try {
    metricsUrl = await metrics?.listen(metricsPort ?? 0);
    server = await startServer({ framework, port, limiter });
  } catch (error) {
    await closeLimiter();
    throw error;
  }
  const account = `${server.origin}/v2/accounts/ameyo5m`;
  const greeting = [
    `The Legs API on ${framework}, listening on ${server.origin}. Try:

curl -i -u key:token -d '{"contact_uri":"09163816621","exophone":"08030752400"}' ${account}/legs
curl -i -u key:token -X POST ${account}/bridges
curl -s -u key:token -o /dev/null -w '%{http_code}\\n' '${account}/bridges/b[1-101]' | sort | uniq -c
`,
  ];
  if (store !== undefined) {
    greeting.push('Counters are on Redis, and shared with every server there. Usage too: npx tollgate usage ameyo5m');
  }
  if (metricsUrl !== undefined) greeting.push(`Metrics are on ${metricsUrl}.`);
  // In one write, so that a reader of the first line has all of it.
  console.log(greeting.join('\n'));
  reportOn(limiter);

  // A second signal has no listener, and ends the process at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await server.close();
      await closeLimiter();
    });
  }
}

/** Prints what an operator should see. Names come from requests, so they are quoted. */
function reportOn(limiter: RateLimiter): void {
  let previous = limiter.health().state;
  limiter.on('health', ({ state }) => {
    if (state === previous) return;
    previous = state;
    console.log(
      state === 'up' ? 'Redis answers again.' : 'Redis does not answer: the limits are kept in this process.',
    );
  });
  limiter.on('throttled', ({ account, category, throttled }) => {
    console.log(`Throttled for ${throttled?.endsAfterMs} ms: ${JSON.stringify(account)}, ${JSON.stringify(category)}.`);
  });
  limiter.on('wouldRefuse', ({ account, category, reason }) => {
    console.log(`Would be refused: ${JSON.stringify(account)}, ${JSON.stringify(category)}, ${reason}.`);
  });
}

try {
  await main();
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
