/** Request targets that a hostile client may send: each spelling of each path. */
export function hostileTargets(): readonly string[] {
  return PATHS.flatMap((path) => [...new Set(SPELLINGS.map((spell) => spell(path)))]);
}

const PATHS = [
  '/legs',
  '/legs/l1',
  '/legs/l1/actions',
  '/legs/l1/actions/hangup',
  '/legs/l1/external_events',
  '/legs/l1/recordings',
  '/bridges',
  '/bridges/b1',
  '/bridges/actions/actions',
  '/bridges/b1/actions/mute',
  '/bridges/legs/external_events',
  '/numbers/legs',
  '/numbers/legs/x/actions',
].map((path) => `/v2/accounts/a1${path}`);

type Spelling = (path: string) => string;

/** Replaces one slash, counted from the first one, or from the last one by a negative number. */
function atSlash(position: number, replacement: string): Spelling {
  return (path) => {
    const slashes = [...path.matchAll(/\//g)].map(({ index }) => index);
    const index = slashes.at(position) ?? 0;
    return path.slice(0, index) + replacement + path.slice(index + 1);
  };
}

const at = (position: number) => (text: string) => atSlash(position, text);
const encoded = (part: string, code: string): Spelling => {
  return (path) => path.replace(part, code);
};

const SPELLINGS: readonly Spelling[] = [
  (path) => path,
  ...[
    '/',
    '//',
    '///',
    '?x=1',
    '?/v2/accounts/b2/bridges',
    '#legs',
    '#/accounts/b2',
    ';x=1',
    ';/actions',
    '/;',
    '?',
  ].map(
    (end): Spelling =>
      (path) =>
        path + end,
  ),
  ...[
    '/.',
    '/..',
    '/../..',
    '/%2e%2e',
    '%00',
    '%20',
    '.',
    '.json',
    '%',
    '%zz',
    '%ff',
    '%E2%82',
    '\\',
    '%5c',
    '%2f',
    '%2F',
  ].map(
    (end): Spelling =>
      (path) =>
        path + end,
  ),
  ...[
    '/',
    '//x',
    '//accounts/b2',
    '/accounts/b2',
    '/legs',
    '/api',
    '/v2',
    '\\',
    'http://h',
    'HTTP://accounts/b2',
    'http://',
  ].map(
    (start): Spelling =>
      (path) =>
        start + path,
  ),
  ...[2, 3, 4, -1, -2].map((position) => at(position)('//')),
  ...[3, 4, -1].flatMap((position) => ['%2F', '%2f', '%252F', '\\', '/./', '/x/../', '/%2e/', ';/'].map(at(position))),
  (path) => path.toUpperCase(),
  encoded('accounts', 'Accounts'),
  encoded('accounts', 'account%73'),
  encoded('accounts', 'accounts%00'),
  encoded('a1', 'A1'),
  encoded('a1', '%61%31'),
  encoded('a1', '%2561'),
  encoded('a1', '%c3%a9'),
  encoded('a1', 'a1%2Flegs'),
  encoded('a1', 'accounts'),
  encoded('a1', 'legs'),
  encoded('a1', '__proto__'),
  encoded('a1', ':account_sid'),
  encoded('a1', '*'),
  encoded('a1', 'x'.repeat(99)),
  encoded('a1', 'x'.repeat(5000)),
  encoded('legs', 'LEGS'),
  encoded('legs', '%6cegs'),
  encoded('legs', '%6Cegs'),
  encoded('legs', '%256cegs'),
  encoded('bridges', 'bridge%73'),
  encoded('actions', 'Actions'),
  encoded('actions', 'action%73'),
  encoded('actions', 'external_events'),
  encoded('external_events', 'external%5Fevents'),
  encoded('l1', ''),
  encoded('l1', 'actions'),
  encoded('b1', 'accounts'),
  ...['%6c1', '%6C1', 'l%31', '%256c1', 'L1', 'l1%20', 'l1%2Fx', 'l1%2F', '%c3%a9', 'l1%00', 'l1;x', 'l1.json'].map(
    (id) => encoded('l1', id),
  ),
  ...['__proto__', ':sid', '*', 'legs', 'accounts', 'l1%', 'x'.repeat(99)].map((id) => encoded('l1', id)),
  ...['%621', 'b%31', 'b1%2Factions', 'bridges'].map((id) => encoded('b1', id)),
];
