import { readdirSync, readFileSync } from 'node:fs';
import type { IFlattenedRuleSet, IForbiddenRuleType } from 'dependency-cruiser';

/** For each package with rooms: the rooms that each room may import. docs/architecture.md draws them. */
const ROOMS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  core: {
    store: [],
    policy: ['store'],
    memory: ['store'],
    decision: ['store', 'policy', 'memory'],
    outage: ['store', 'policy', 'memory', 'decision'],
    usage: ['store', 'memory', 'decision'],
    observe: ['store', 'policy', 'decision', 'outage', 'usage'],
    limiter: ['store', 'policy', 'memory', 'decision', 'outage', 'usage', 'observe'],
    http: ['store', 'policy', 'memory', 'decision', 'limiter'],
  },
  redis: {
    script: [],
    limits: [],
    usage: [],
    refused: ['script'],
    store: ['script', 'refused', 'usage'],
  },
  sources: {
    parse: [],
    watch: ['parse'],
    accounts: ['parse'],
  },
  cli: {
    words: [],
    redis: ['words'],
    page: ['words'],
    policy: ['words', 'redis'],
    counters: ['words', 'redis', 'policy'],
    limits: ['words', 'redis', 'policy'],
    top: ['words', 'redis'],
    usage: ['words', 'redis', 'page'],
  },
  'legs-api-server': {
    api: [],
    demo: ['api'],
  },
};

/**
 * The root files that import rooms. All other root files lie below the rooms: rooms import them, and they import no
 * room.
 */
const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  core: ['index', 'channels', 'kit', 'usage'],
  redis: ['index'],
  sources: ['index'],
  cli: ['main', 'program'],
  'legs-api-server': ['main'],
};

/** The folders of packages that have no table: those of the bench are one benchmark each. */
const WITHOUT_ROOMS = ['bench'];

/** What is checked. The page of `tollgate usage` has a script outside of `src`. */
export const SOURCES: readonly string[] = [...packages().map((name) => `packages/${name}/src`), 'packages/cli/page'];

/** The folders of packages that no rule names. */
export function foldersWithoutRules(): string[] {
  return packages().flatMap((name) =>
    readdirSync(`packages/${name}/src`, { withFileTypes: true })
      .filter(
        (entry) => entry.isDirectory() && !WITHOUT_ROOMS.includes(name) && ROOMS[name]?.[entry.name] === undefined,
      )
      .map((entry) => `${name}/${entry.name}`),
  );
}

/** The rules of docs/architecture.md, for paths from the root of the repository. */
export function architecture(): IFlattenedRuleSet {
  return {
    forbidden: [
      { name: 'no circle', severity: 'error', from: {}, to: { circular: true } },
      ...Object.keys(ROOMS).flatMap(rulesOfRooms),
      ...packages().map(ruleOfPackage),
      {
        name: 'packages import each other by name',
        severity: 'error',
        from: { path: '^packages/([^/]+)/' },
        to: { path: '^packages/', pathNot: '^packages/$1/', dependencyTypes: ['local'] },
      },
    ],
  };
}

function rulesOfRooms(name: string): IForbiddenRuleType[] {
  const source = `^packages/${name}/src`;
  const entries = `${source}/(${ENTRIES[name]!.join('|')})\\.ts$`;
  const doors = `${source}/[^/]+/index\\.ts$`;
  const anyRoom = `${source}/[^/]+/`;
  return [
    ...Object.entries(ROOMS[name]!).map(([room, allowed]): IForbiddenRuleType => {
      const open = `${source}/(${[room, ...allowed].join('|')})/`;
      return {
        name: `${name}: ${room} imports ${allowed.join(', ') || 'no other room'}`,
        severity: 'error',
        from: { path: `${source}/${room}/` },
        to: { path: anyRoom, pathNot: open },
      };
    }),
    {
      name: `${name}: a room is imported through its index.ts`,
      severity: 'error',
      from: { path: `${source}/([^/]+)/` },
      to: { path: anyRoom, pathNot: [`${source}/$1/`, doors] },
    },
    {
      name: `${name}: an entry imports a room through its index.ts`,
      severity: 'error',
      from: { path: entries },
      to: { path: anyRoom, pathNot: doors },
    },
    {
      name: `${name}: a root file imports no room`,
      severity: 'error',
      from: { path: `${source}/[^/]+$`, pathNot: entries },
      to: { path: anyRoom },
    },
    { name: `${name}: no room imports an entry`, severity: 'error', from: { path: anyRoom }, to: { path: entries } },
  ];
}

/** A package imports the packages that its package.json names. */
function ruleOfPackage(name: string): IForbiddenRuleType {
  const { dependencies = {}, peerDependencies = {} } = manifest(name);
  const named = { ...dependencies, ...peerDependencies };
  const open = packages().filter((other) => other === name || manifest(other).name in named);
  return {
    name: `${name} imports the packages that its package.json names`,
    severity: 'error',
    from: { path: `^packages/${name}/` },
    to: { path: '^packages/', pathNot: `^packages/(${open.join('|')})/` },
  };
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

function manifest(name: string): Manifest {
  return JSON.parse(readFileSync(`packages/${name}/package.json`, 'utf8')) as Manifest;
}

function packages(): string[] {
  return readdirSync('packages');
}
