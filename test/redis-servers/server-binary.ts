import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { onPath } from '../on-path.js';

/**
 * The server that tests start: `REDIS_SERVER`, else Redis or Valkey from the path. Without one, the error names the
 * remedy.
 */
export function serverBinary(): string {
  const found = findServer();
  if (found === undefined) throw new Error(CURE);
  return found;
}

/** Installs a missing server: only as root, on Debian and its derivatives. */
export function installServer(): void {
  if (findServer() !== undefined) return;
  if (!existsSync('/etc/debian_version') || userInfo().uid !== 0) throw new Error(CURE);
  console.log('The tests need a Redis server: installing redis-server with apt-get.');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // A package source may fail as long as the package is found.
  spawnSync('apt-get', ['update', '-qq'], { env, stdio: 'ignore' });
  try {
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], {
      env,
      stdio: 'pipe',
    });
  } catch (error) {
    throw new Error(CURE, { cause: error });
  }
  serverBinary();
}

const CURE =
  'The tests need a Redis server: install it (apt-get install redis-server, brew install redis), or name one in REDIS_SERVER';

function findServer(): string | undefined {
  return process.env['REDIS_SERVER'] ?? onPath('redis-server') ?? onPath('valkey-server');
}
