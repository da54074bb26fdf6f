import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { entryOf } from '@tollgate/core/kit';
import { ROOT } from './fences.js';

const COMPILER_OPTIONS = {
  target: 'es2023',
  lib: ['es2023'],
  module: 'nodenext',
  moduleDetection: 'force',
  types: ['node'],
  typeRoots: [join(ROOT, 'node_modules/@types')],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  verbatimModuleSyntax: true,
  // So that a Node that strips types runs the examples too.
  erasableSyntaxOnly: true,
  skipLibCheck: true,
};

/** TypeScript modules, compiled together in strict mode, in a folder of the repository where `@tollgate/*` resolve. */
export class StrictProgram {
  readonly folder: string;
  #problems: ReadonlyMap<string, readonly string[]> = new Map();

  constructor() {
    const cache = join(ROOT, 'node_modules/.cache');
    mkdirSync(cache, { recursive: true });
    this.folder = mkdtempSync(join(cache, 'tollgate-docs-'));
  }

  /** Compiles the sources, by the module's name, to JavaScript; an error in one does not stop the others. */
  async compile(sources: ReadonlyMap<string, string>): Promise<void> {
    // A module may import the repository's own, whose JavaScript must not lie beside them.
    const compilerOptions = { ...COMPILER_OPTIONS, rootDir: ROOT, outDir: join(this.folder, 'out') };
    const files = [...sources.keys()].map((name) => `${name}.ts`);
    writeFileSync(join(this.folder, 'package.json'), JSON.stringify({ type: 'module' }));
    writeFileSync(join(this.folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
    for (const [name, source] of sources) writeFileSync(join(this.folder, `${name}.ts`), source);
    const args = ['-p', this.folder, '--pretty', 'false'];
    const output = await new Promise<string>((resolve) => {
      execFile(join(ROOT, 'node_modules/.bin/tsc'), args, { cwd: this.folder }, (_error, stdout, stderr) =>
        resolve(stdout + stderr),
      );
    });
    const byName = new Map<string, string[]>();
    for (const problem of output.trimEnd().split(/\n(?=\S)/)) {
      if (problem === '') continue;
      const name = /^(?:.*\/)?([^/]+)\.ts\(/.exec(problem)?.[1] ?? '';
      entryOf(byName, name, () => []).push(problem);
    }
    const elsewhere = [...byName].filter(([name]) => !sources.has(name)).flatMap(([, problems]) => problems);
    if (elsewhere.length > 0) throw new Error(`The compiler failed:\n${elsewhere.join('\n')}`);
    this.#problems = byName;
  }

  /** What the compiler reports of a module, each problem with `(line,column)` first. */
  problemsOf(name: string): readonly string[] {
    return (this.#problems.get(name) ?? []).map((problem) => problem.replace(/^.*?\.ts(?=\()/, ''));
  }

  /** The file of a module's JavaScript. */
  compiled(name: string): string {
    return join(this.folder, 'out', relative(ROOT, this.folder), `${name}.js`);
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
