import { messageOf, readFramework, readLimiter, readPort } from './settings.js';
import { startServer } from './start-server.js';

async function main(): Promise<void> {
  const framework = readFramework(process.argv.slice(2), process.env);
  const port = readPort(process.env);
  const server = await startServer({ framework, port, limiter: readLimiter(process.env) });
  const account = `${server.origin}/v2/accounts/ameyo5m`;
  console.log(`The Legs API on ${framework}, listening on ${server.origin}. Try:

curl -i -u key:token -d '{"contact_uri":"09163816621","exophone":"08030752400"}' ${account}/legs
curl -i -u key:token -X POST ${account}/bridges
curl -s -u key:token -o /dev/null -w '%{http_code}\\n' '${account}/bridges/b[1-101]' | sort | uniq -c
`);

  // A second signal finds no listener, and ends the process at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close());
}

try {
  await main();
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
