import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';
import { onPath } from '../on-path.js';

/**
 * The browser that tests open pages in: `CHROMIUM`, else Chromium or Chrome from the path. On Debian and its
 * derivatives, root installs Chromium if it is missing. Rejects with instructions if no browser can be found.
 */
export async function browserBinary(): Promise<string> {
  return findBrowser() ?? installedBrowser();
}

/** Installing downloads a hundred megabytes. */
export const INSTALL_TIMEOUT_MS = 600_000;

async function installedBrowser(): Promise<string> {
  if (!existsSync('/etc/debian_version') || userInfo().uid !== 0) throw new Error(INSTRUCTIONS);
  console.log('The tests need a browser: installing chromium with apt-get.');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // A failed source does not matter as long as the package is found.
  await run('apt-get', ['update', '-qq'], { env }).catch(() => {});
  try {
    // Asynchronous, since the test runner ends a worker that does not respond for a minute.
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], { env, maxBuffer: 2 ** 26 });
  } catch (error) {
    throw new Error(INSTRUCTIONS, { cause: error });
  }
  const found = findBrowser();
  if (found === undefined) throw new Error(INSTRUCTIONS);
  return found;
}

const run = promisify(execFile);

const INSTRUCTIONS =
  'The tests of pages need a browser: install Chromium (apt-get install chromium, brew install chromium), or name one in CHROMIUM';

function findBrowser(): string | undefined {
  return process.env['CHROMIUM'] ?? NAMES.map(onPath).find((file) => file !== undefined);
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
