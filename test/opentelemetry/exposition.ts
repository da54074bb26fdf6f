/** One series in Prometheus's text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The series that Prometheus would scrape at the URL now. */
export async function scrape(url: string): Promise<Sample[]> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`A scrape was answered with ${response.status}`);
  return samplesOf(await response.text());
}

/** Throws for a line that is not in Prometheus's text format. */
export function samplesOf(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`Not a sample: ${line}`);
      const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)];
      return { name, labels: Object.fromEntries(pairs.map((pair) => [pair[1], pair[2]])), value: Number(value) };
    });
}

/** The sum of the samples with this name and at least these labels; both are given without `tollgate_`. */
export function total(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}): number {
  return samples
    .filter((sample) => sample.name === `tollgate_${name}`)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[`tollgate_${label}`] === value))
    .reduce((sum, { value }) => sum + value, 0);
}
