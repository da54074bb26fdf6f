import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';
import { onPath } from '../on-path.js';

/**
 * The browser that tests open pages in: `CHROMIUM`, else Chromium or Chrome from the path; on Debian and its kin, as root,
 * it is installed where there is none. Rejects with what to do if that cannot be.
 */
export async function browserBinary(): Promise<string> {
  return findBrowser() ?? installedBrowser();
}

/** Installing downloads a hundred megabytes. */
export const INSTALL_TIMEOUT_MS = 600_000;

async function installedBrowser(): Promise<string> {
  if (!existsSync('/etc/debian_version') || userInfo().uid !== 0) throw new Error(CURE);
  console.log('The tests need a browser: installing chromium with apt-get.');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // A source that cannot be read does not matter as long as the package is found.
  await run('apt-get', ['update', '-qq'], { env }).catch(() => {});
  try {
    // Not to be waited for in one piece: a test runner that hears nothing of its worker for a minute gives it up.
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], { env, maxBuffer: 2 ** 26 });
  } catch (error) {
    throw new Error(CURE, { cause: error });
  }
  const found = findBrowser();
  if (found === undefined) throw new Error(CURE);
  return found;
}

const run = promisify(execFile);

const CURE =
  'The tests of pages need a browser: install Chromium (apt-get install chromium, brew install chromium), or name one in CHROMIUM';

function findBrowser(): string | undefined {
  return process.env['CHROMIUM'] ?? NAMES.map(onPath).find((file) => file !== undefined);
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
