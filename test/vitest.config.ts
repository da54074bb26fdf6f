import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    globalSetup: ['test/global-setup.ts'],
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is tested is what ships: the built packages, loaded by Node itself, one copy of each.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
  },
});
