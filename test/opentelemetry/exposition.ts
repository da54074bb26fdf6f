/** One series of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What Prometheus would scrape there now. */
export async function scrape(url: string): Promise<Sample[]> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`A scrape was answered with ${response.status}`);
  return samplesOf(await response.text());
}

/** The samples of a text in Prometheus's format. A line that is none throws. */
export function samplesOf(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`No sample: ${line}`);
      const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)];
      return { name, labels: Object.fromEntries(pairs.map((pair) => [pair[1], pair[2]])), value: Number(value) };
    });
}

/** The sum of the samples of that name with those labels at least, `tollgate_` left out of both. */
export function total(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}): number {
  return samples
    .filter((sample) => sample.name === `tollgate_${name}`)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[`tollgate_${label}`] === value))
    .reduce((sum, { value }) => sum + value, 0);
}
