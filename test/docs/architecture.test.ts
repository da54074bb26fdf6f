import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, readPage } from './fences.js';
import { section, tableOf } from './section.js';

const page = readPage('docs/architecture.md');
const source = (name: string) => join(ROOT, 'packages', name);

function roomsOf(name: string): string[] {
  const entries = readdirSync(source(`${name}/src`), { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
}

/** The texts in backticks. */
function quotedIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
}

describe('docs/architecture.md', () => {
  const ofCore = tableOf(section(page, '### The rooms of core'));

  it('has a row for each room of core', () => {
    expect(ofCore.map(({ room }) => quotedIn(room!)[0]).sort()).toEqual(roomsOf('core'));
  });

  it.each(ofCore)('names files that exist: $room', ({ room, 'its main files': files }) => {
    for (const file of quotedIn(files!))
      expect(existsSync(source(`core/src/${quotedIn(room!)[0]}/${file}`)), file).toBe(true);
  });

  it.each(['redis', 'sources', 'cli'])('has a row for each room of %s', (name) => {
    let current = '';
    const rooms = tableOf(section(page, '### The rooms of the other packages')).flatMap((row) => {
      current = quotedIn(row['package']!)[0] ?? current;
      return current === name ? quotedIn(row['room']!) : [];
    });
    expect(rooms.sort()).toEqual(roomsOf(name));
  });

  it('draws all rooms of core in the picture', () => {
    const drawn = /subgraph core\["core"\]\n(.*?)\n {2}end/s.exec(page)![1]!;
    expect([...new Set(drawn.match(/\w+/g))].sort()).toEqual(roomsOf('core'));
  });

  it.each([...new Set(quotedIn(page).filter((text) => /^\w+\/src\//.test(text)))])('names what exists: %s', (path) => {
    expect(existsSync(source(path))).toBe(true);
  });

  const steps = [...page.matchAll(/^\| +\d+ \| `([^`]+)` +\| `([^`]+)`/gm)].map(
    ([, file, name]) => [file!, name!] as const,
  );

  it('follows three charges', () => expect(steps.length).toBeGreaterThan(30));

  it.each(steps)('%s has %s', (file, name) => {
    expect(readFileSync(source(file), 'utf8')).toContain(name);
  });
});
