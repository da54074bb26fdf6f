import { parser } from '@prometheus-io/lezer-promql';
import type { Sample } from './exposition.js';

/** A vector selector of a Prometheus query: `name{label="value"}`. */
export interface Selector {
  /** Matches the names of the metrics that it selects. */
  readonly name: RegExp;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

/** The selectors of a query, and the labels that it groups by. Throws if the query does not parse. */
export function readQuery(query: string): {
  readonly selectors: readonly Selector[];
  readonly groups: readonly string[];
} {
  // Variables that Grafana replaces.
  const text = query.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '1h').replace(/\$\w+/g, '.*');
  const selectors: Selector[] = [];
  const groups: string[] = [];
  const open: { name: string; matchers: { label: string; operator: string; value: string }[] }[] = [];
  parser.parse(text).iterate({
    enter({ type, from, to, node }) {
      const source = text.slice(from, to);
      if (type.isError) throw new Error(`No query, at ${from}: ${query}`);
      if (type.name === 'VectorSelector') open.push({ name: '', matchers: [] });
      if (type.name === 'Identifier' && node.parent?.name === 'VectorSelector') open.at(-1)!.name = source;
      if (type.name === 'LabelName' && node.parent?.name === 'GroupingLabels') groups.push(source);
      if (type.name === 'UnquotedLabelMatcher') {
        const [, label, operator, value] = /^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$/.exec(source)!;
        open.at(-1)!.matchers.push({ label: label!, operator: operator!, value: value! });
      }
    },
    leave({ type }) {
      if (type.name !== 'VectorSelector') return;
      const { name, matchers } = open.pop()!;
      const named = matchers.find(({ label }) => label === '__name__');
      selectors.push({
        name: new RegExp(`^(?:${named?.value ?? name})$`),
        matchers: matchers.filter(({ label }) => label !== '__name__'),
      });
    },
  });
  return { selectors, groups };
}

/** Reports what a query selects in vain: metrics, labels and values that the samples do not have. */
export function unanswered(query: string, samples: readonly Sample[]): string[] {
  const { selectors, groups } = readQuery(query);
  const wrong: string[] = [];
  const labelsFound = new Set<string>(OF_PROMETHEUS);
  for (const { name, matchers } of selectors) {
    const found = samples.filter((sample) => name.test(sample.name));
    if (found.length === 0) wrong.push(`no metric ${name.source}`);
    for (const { labels } of found) for (const label of Object.keys(labels)) labelsFound.add(label);
    for (const { label, operator, value } of matchers) {
      if (OF_PROMETHEUS.includes(label)) continue;
      const values = found.map(({ labels }) => labels[label]).filter((one) => one !== undefined);
      const matches = operator.endsWith('~') ? new RegExp(`^(?:${value})$`) : { test: (one: string) => one === value };
      if (values.length === 0) wrong.push(`no label ${label} of ${name.source}`);
      else if (!operator.startsWith('!') && !values.some((one) => matches.test(one))) {
        wrong.push(`${label} of ${name.source} is never ${value}`);
      }
    }
  }
  for (const label of groups) if (!labelsFound.has(label)) wrong.push(`no label ${label}`);
  return wrong;
}

/** Labels that Prometheus adds to each scrape. */
const OF_PROMETHEUS: readonly string[] = ['instance', 'job'];
