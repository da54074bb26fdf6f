import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder that is deleted after the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tollgate-sources-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A policy with one quota per minute. */
export function perMinuteText(limit: number): string {
  return `quotas:\n  - limit: ${limit}\n    windowMs: 60000\n`;
}
