import { RateLimiter } from '@tollgate/core';
import { Metrics } from './metrics.js';
import { reportOn } from './report.js';
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
import { type RunningServer, startServer } from './start-server.js';

async function main(): Promise<void> {
  const framework = readFramework(readFlags(process.argv.slice(2)), process.env);
  const port = readPort(process.env);
  const metricsPort = readMetricsPort(process.env);
  const store = readStore(process.env);
  const limits = readLimits(process.env);
  const source = await readPolicy(process.env);
  const { policy } = source;
  // Before the limiter, so that nothing it does is missed.
  const metrics = metricsPort === undefined ? undefined : new Metrics();
  const limiter = new RateLimiter({
    name: 'legs-api',
    policy,
    ...(store && { store }),
    ...(limits && { accounts: limits }),
    // Told every second, for whoever looks at it while trying the server.
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
    greeting.push('Counters are on Redis, and shared with every server there. So is usage: npx tollgate usage ameyo5m');
  }
  if (metricsUrl !== undefined) greeting.push(`Metrics are on ${metricsUrl}.`);
  // At once: whoever has read the beginning has read all of it.
  console.log(greeting.join('\n'));
  reportOn(limiter);

  // A second signal finds no listener, and ends the process at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await server.close();
      await closeLimiter();
    });
  }
}

try {
  await main();
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
