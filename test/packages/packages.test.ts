import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND, LIBRARIES, npm, PUBLISHED, packAll, ROOT } from './pack.js';

const packed = packAll();
afterAll(() => packed.dispose());

describe('the packed packages, as they are in a registry', () => {
  it.each(packed.packages)('publint has no message about $name', async ({ tarball }) => {
    const { messages } = await publint({ pack: { tarball: arrayBuffer(tarball) }, strict: true });
    expect(messages).toEqual([]);
  });

  // The command has nothing to import.
  it.each(packed.packages.filter(({ name }) => name !== COMMAND))(
    'attw finds the types of every entry of $name, for ES modules',
    async ({ tarball }) => {
      const analysis = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));
      const problems = analysis.types ? analysis.problems : ['no types'];
      expect(problems.filter((problem) => !isOfCommonJs(problem))).toEqual([]);
    },
  );
});

describe('the packed packages, installed in a project', () => {
  const project = join(packed.folder, 'project');

  beforeAll(() => {
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'project', private: true }));
    npm(
      project,
      'install',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      ...packed.packages.map(({ tarball }) => tarball),
      'express@5',
      'fastify@5',
      'ioredis@6',
    );
  }, 120_000);
  function run(file: string, program: string): string {
    writeFileSync(join(project, file), program);
    return execFileSync(process.execPath, [file], { cwd: project, encoding: 'utf8' });
  }

  it('are imported by ES modules and required by CommonJS, and both get the same thing', () => {
    for (const name of LIBRARIES) {
      const program = `const required = require('${name}');
        import('${name}').then((imported) => console.log(
          Object.keys(imported).length > 0 &&
          Object.keys(imported).every((key) => imported[key] === required[key])));`;
      expect(run('both.cjs', program)).toBe('true\n');
    }
    expect(run('http.cjs', `console.log(typeof require('@tollgate/core/http').RequestReader)`)).toBe('function\n');
  });

  it('limit on both frameworks from there', () => {
    const express = `import express from 'express';
      import { perMinute } from '@tollgate/core';
      import { rateLimit } from '@tollgate/express';
      const app = express().use(rateLimit({ policy: { quotas: [perMinute(1)] }, account: 'address' }), (request, response) => response.end());
      const server = app.listen(0, '127.0.0.1', async () => {
        const url = 'http://127.0.0.1:' + server.address().port;
        console.log((await fetch(url)).status, (await fetch(url)).status);
        server.close();
      });`;
    expect(run('express.mjs', express)).toBe('200 429\n');
    const fastify = `const app = require('fastify')();
      const { perMinute } = require('@tollgate/core');
      app.register(require('@tollgate/fastify'), { policy: { quotas: [perMinute(1)] }, account: 'address' });
      app.get('/', async () => 'x');
      app.inject('/').then(async (first) => console.log(first.statusCode, (await app.inject('/')).statusCode));`;
    expect(run('fastify.cjs', fastify)).toBe('200 429\n');
  });

  it('have core as a peer dependency, and as no dependency', () => {
    for (const name of LIBRARIES.filter((name) => name !== '@tollgate/core')) {
      const manifest = JSON.parse(readFileSync(join(project, 'node_modules', name, 'package.json'), 'utf8'));
      expect(manifest.peerDependencies, name).toHaveProperty(['@tollgate/core']);
      expect(manifest.dependencies ?? {}, name).not.toHaveProperty(['@tollgate/core']);
    }
  });

  it('have a command that npx finds', () => {
    const tollgate = (...args: readonly string[]) =>
      execFileSync('npx', ['--no', 'tollgate', ...args], {
        cwd: project,
        encoding: 'utf8',
        input: 'quotas: unlimited',
      });
    expect(tollgate('policy', 'check', '-')).toMatch(/^stdin is a valid policy\.\n/);
    expect(tollgate('--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('share one copy of core', () => {
    const tree = JSON.parse(npm(project, 'ls', '@tollgate/core', '--json', '--all'));
    const copies = JSON.stringify(tree).match(/"overridden":false/g) ?? [];
    expect(copies.length).toBeGreaterThan(0);
    const found = execFileSync('find', ['node_modules', '-path', '*@tollgate/core/package.json'], {
      cwd: project,
      encoding: 'utf8',
    });
    expect(found).toBe('node_modules/@tollgate/core/package.json\n');
  });

  it('say what they are, carry their types, and core depends on nothing', () => {
    for (const name of PUBLISHED) {
      const manifest = JSON.parse(readFileSync(join(project, 'node_modules', name, 'package.json'), 'utf8'));
      const face =
        name === COMMAND
          ? { bin: { tollgate: 'bin/tollgate.js' } }
          : { types: './dist/index.d.ts', sideEffects: false };
      expect(manifest).toMatchObject({ ...face, type: 'module', engines: { node: '>=20.19' }, license: 'MIT' });
      const paths = packed.packages.find((one) => one.name === name)!.files.map(({ path }) => path);
      expect(paths).toContain('README.md');
      expect(paths).toContain(name === COMMAND ? 'dist/main.js' : 'dist/index.js');
      const known = /^(dist|src)\/|^(README\.md|LICENSE|package\.json|policy\.schema\.json)$/;
      const own = name === COMMAND ? /^bin\/tollgate\.js$|^page\/usage-page\.css$/ : /^$/;
      expect(paths.filter((path) => !known.test(path) && !own.test(path))).toEqual([]);
    }
    const core = JSON.parse(readFileSync(join(ROOT, 'packages/core/package.json'), 'utf8'));
    expect(core).not.toHaveProperty('dependencies');
    expect(core).not.toHaveProperty('peerDependencies');
    expect(run('schema.cjs', `console.log(require('@tollgate/core/policy.schema.json').$id)`)).toBe(
      'urn:tollgate:policy\n',
    );
  });
});

/** The packages are ES modules only: how older resolutions see them does not matter. */
function isOfCommonJs(problem: object | string): boolean {
  const { resolutionKind } = problem as { readonly resolutionKind?: string };
  return resolutionKind === 'node10' || resolutionKind === 'node16-cjs';
}

function arrayBuffer(file: string): ArrayBuffer {
  return new Uint8Array(readFileSync(file)).buffer;
}
