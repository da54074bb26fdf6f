import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
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

export interface Packed {
  readonly name: string;
  readonly tarball: string;
  readonly files: readonly { readonly path: string }[];
}

/** Packs the published packages into a folder, which `dispose` removes. */
export function packAll(): { readonly folder: string; readonly packages: readonly Packed[]; dispose(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-pack-'));
  const workspaces = PUBLISHED.flatMap((name) => ['-w', name]);
  const packed = JSON.parse(npm(ROOT, 'pack', ...workspaces, '--pack-destination', folder, '--json')) as readonly {
    readonly name: string;
    readonly filename: string;
    readonly files: Packed['files'];
  }[];
  return {
    folder,
    packages: packed.map(({ name, filename, files }) => ({ name, tarball: join(folder, filename), files })),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function npm(cwd: string, ...args: readonly string[]): string {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
