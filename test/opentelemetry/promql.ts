import { parser } from '@prometheus-io/lezer-promql';
import type { Sample } from './exposition.js';

/** What a query of Prometheus asks for: of each selector the metric and the labels, by name and with how they are matched. */
export interface Selector {
  /** The names that it takes, as an expression without anchors. */
  readonly name: RegExp;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

/** The selectors of a query, and the labels that it groups by. Throws where Prometheus would not take the query. */
export function readQuery(query: string): {
  readonly selectors: readonly Selector[];
  readonly groups: readonly string[];
} {
  // Grafana puts its own values in place of these.
  const text = query.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '1h').replace(/\$\w+/g, '.*');
  const selectors: Selector[] = [];
  const groups: string[] = [];
  const open: { name: string; matchers: { label: string; operator: string; value: string }[] }[] = [];
  parser.parse(text).iterate({
    enter({ type, from, to, node }) {
      const said = text.slice(from, to);
      if (type.isError) throw new Error(`No query, at ${from}: ${query}`);
      if (type.name === 'VectorSelector') open.push({ name: '', matchers: [] });
      if (type.name === 'Identifier' && node.parent?.name === 'VectorSelector') open.at(-1)!.name = said;
      if (type.name === 'LabelName' && node.parent?.name === 'GroupingLabels') groups.push(said);
      if (type.name === 'UnquotedLabelMatcher') {
        const [, label, operator, value] = /^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$/.exec(said)!;
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

/** What of a query no scrape could ever answer: metrics that there are not, labels that they have not, values never told. */
export function unanswered(query: string, samples: readonly Sample[]): string[] {
  const { selectors, groups } = readQuery(query);
  const wrong: string[] = [];
  const asked = new Set<string>(OF_PROMETHEUS);
  for (const { name, matchers } of selectors) {
    const found = samples.filter((sample) => name.test(sample.name));
    if (found.length === 0) wrong.push(`no metric ${name.source}`);
    for (const { labels } of found) for (const label of Object.keys(labels)) asked.add(label);
    for (const { label, operator, value } of matchers) {
      if (OF_PROMETHEUS.includes(label)) continue;
      const told = found.map(({ labels }) => labels[label]).filter((one) => one !== undefined);
      const matches = operator.endsWith('~') ? new RegExp(`^(?:${value})$`) : { test: (one: string) => one === value };
      if (told.length === 0) wrong.push(`no label ${label} of ${name.source}`);
      else if (!operator.startsWith('!') && !told.some((one) => matches.test(one))) {
        wrong.push(`${label} of ${name.source} is never ${value}`);
      }
    }
  }
  for (const label of groups) if (!asked.has(label)) wrong.push(`no label ${label}`);
  return wrong;
}

/** Labels that come with the scrape itself. */
const OF_PROMETHEUS: readonly string[] = ['instance', 'job'];
