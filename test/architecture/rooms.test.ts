import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { expect, it, onTestFinished } from 'vitest';
import { architecture, foldersWithoutRules, SOURCES } from './rooms.js';

it('every import of the packages keeps the rules', async () => {
  expect(await violations(SOURCES)).toEqual([]);
});

it('every folder of a package has a rule', () => {
  expect(foldersWithoutRules()).toEqual([]);
});

it('an import that breaks a rule is reported', async () => {
  const files = {
    'core/src/check.ts': "export { inner } from './outage/index.js';",
    'core/src/clock.ts': "import '@tollgate/redis';",
    'core/src/kit.ts': "export { inner } from './outage/inner.js';",
    'core/src/limiter/limiter.ts': "import { inner } from '../outage/inner.js';\nexport const outer = inner;",
    'core/src/outage/circle.ts': "import './inner.js';",
    'core/src/outage/index.ts': "export { inner } from './inner.js';",
    'core/src/outage/inner.ts': "import './circle.js';\nexport const inner = 1;",
    'core/src/policy/index.ts': 'export type Policy = string;',
    'core/src/store/store.ts': "import type { Policy } from '../policy/index.js';\nexport type Store = Policy;",
    'redis/dist/index.js': 'export {};',
    'redis/package.json': '{ "name": "@tollgate/redis", "type": "module", "exports": "./dist/index.js" }',
    'redis/src/index.ts': 'export {};',
    'redis/src/usage/usage.ts': "export const load = async () => import('../index.js');",
    'sources/src/harmless.ts': "import '../../core/src/check.js';",
  };
  const root = mkdtempSync(join(tmpdir(), 'tollgate-rooms-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(root, 'packages', dirname(file)), { recursive: true });
    writeFileSync(join(root, 'packages', file), text);
  }
  mkdirSync(join(root, 'node_modules/@tollgate'), { recursive: true });
  symlinkSync(join(root, 'packages/redis'), join(root, 'node_modules/@tollgate/redis'));

  expect((await violations(['packages'], root)).sort()).toEqual([
    'packages/core/src/check.ts → packages/core/src/outage/index.ts: core: a root file imports no room',
    'packages/core/src/clock.ts → packages/redis/dist/index.js: core imports the packages that its package.json names',
    'packages/core/src/kit.ts → packages/core/src/outage/inner.ts: core: an entry imports a room through its index.ts',
    'packages/core/src/limiter/limiter.ts → packages/core/src/outage/inner.ts: core: a room is imported through its index.ts',
    'packages/core/src/outage/circle.ts → packages/core/src/outage/inner.ts: no circle',
    'packages/core/src/store/store.ts → packages/core/src/policy/index.ts: core: store imports no other room',
    'packages/redis/src/usage/usage.ts → packages/redis/src/index.ts: redis: no room imports an entry',
    'packages/sources/src/harmless.ts → packages/core/src/check.ts: packages import each other by name',
  ]);
});

/** One line for each import that breaks a rule. */
async function violations(folders: readonly string[], baseDir = process.cwd()): Promise<string[]> {
  const { output } = await cruise(
    [...folders],
    {
      baseDir,
      // TypeScript 7 has no parser that dependency-cruiser can call.
      parser: 'swc',
      tsPreCompilationDeps: true,
      doNotFollow: { path: ['node_modules', '/dist/'] },
      validate: true,
      ruleSet: architecture(),
    },
    { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  );
  return (output as ICruiseResult).summary.violations.map(({ from, to, rule }) => `${from} → ${to}: ${rule.name}`);
}
