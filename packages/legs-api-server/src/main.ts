import { RateLimiter } from '@tollgate/core';
import { reportOn } from './report.js';
import { messageOf, readFlags, readFramework, readLimits, readPolicy, readPort, readStore } from './settings.js';
import { type RunningServer, startServer } from './start-server.js';

async function main(): Promise<void> {
  const framework = readFramework(readFlags(process.argv.slice(2)), process.env);
  const port = readPort(process.env);
  const store = readStore(process.env);
  const limits = readLimits(process.env);
  const source = await readPolicy(process.env);
  const { policy } = source;
  const limiter = new RateLimiter({
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
  };

  let server: RunningServer;
  try {
    server = await startServer({ framework, port, limiter });
  } catch (error) {
    await closeLimiter();
    throw error;
  }
  const account = `${server.origin}/v2/accounts/ameyo5m`;
  console.log(`The Legs API on ${framework}, listening on ${server.origin}. Try:

curl -i -u key:token -d '{"contact_uri":"09163816621","exophone":"08030752400"}' ${account}/legs
curl -i -u key:token -X POST ${account}/bridges
curl -s -u key:token -o /dev/null -w '%{http_code}\\n' '${account}/bridges/b[1-101]' | sort | uniq -c
`);

  if (store !== undefined) {
    console.log('Counters are on Redis, and shared with every server there. So is usage: npx tollgate usage ameyo5m');
  }
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
