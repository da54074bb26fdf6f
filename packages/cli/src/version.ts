import { readFileSync } from 'node:fs';

/** The command's own. */
export function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}
