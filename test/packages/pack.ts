import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ROOT: string = join(import.meta.dirname, '..', '..');
/** What programs import. */
export const LIBRARIES: readonly string[] = ['core', 'express', 'fastify', 'redis', 'opentelemetry', 'sources'].map(
  (name) => `@tollgate/${name}`,
);
/** What people run. */
export const COMMAND = 'tollgate';
export const PUBLISHED: readonly string[] = [...LIBRARIES, COMMAND];

/** The published packages as npm would pack them, in a folder that `dispose` removes. */
export function packAll(): { readonly folder: string; readonly tarballs: readonly string[]; dispose(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-pack-'));
  const workspaces = PUBLISHED.flatMap((name) => ['-w', name]);
  npm(ROOT, 'pack', ...workspaces, '--pack-destination', folder);
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  return {
    folder,
    tarballs: tarballs.map((name) => join(folder, name)),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function npm(cwd: string, ...args: readonly string[]): string {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
