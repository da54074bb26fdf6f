import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ROOT } from '../packages/pack.js';
import { RunningServer } from '../redis-servers/standalone.js';
import { leaves } from './command-words.js';
import { tollgate } from './tollgate.js';

// Each command is a process, and a test has several.
vi.setConfig({ testTimeout: 120_000 });

const README = readFileSync(join(ROOT, 'packages/cli/README.md'), 'utf8');

let server: RunningServer;
let folder = '';
beforeAll(async () => {
  server = await RunningServer.start();
  folder = mkdtempSync(join(tmpdir(), 'tollgate-readme-'));
  const [policy = '', parties = ''] = fences('yaml');
  writeFileSync(join(folder, 'policy.yaml'), policy);
  writeFileSync(join(folder, 'parties.yaml'), parties);
  writeFileSync(join(folder, 'wrong.yaml'), policy.replace('observe', 'observed'));
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

function fences(language: string): string[] {
  return [...README.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text]) => text!);
}

it('the README shows the output of its commands', async () => {
  const sessions = fences('console')
    .join('')
    .split(/^\$ tollgate /m)
    .slice(1);
  expect(sessions.length).toBeGreaterThan(5);
  for (const session of sessions) {
    const end = session.indexOf('\n');
    const { stdout, stderr } = await tollgate(session.slice(0, end).split(' '), {
      cwd: folder,
      env: { REDIS_URL: server.url },
    });
    expect(withoutTimes(stdout + stderr)).toBe(withoutTimes(session.slice(end + 1)));
  }
});

it('the README names every command', () => {
  for (const [words] of leaves()) expect(README).toMatch(new RegExp(`^\\| \`tollgate ${words}[ \`]`, 'm'));
});

function withoutTimes(text: string): string {
  return text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'T');
}
