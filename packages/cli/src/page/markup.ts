/** Text that is HTML, and not to be escaped once more. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Markup | string | number | undefined | false | readonly Content[];

/** HTML in which everything that is put in is text, but for what is HTML already. `undefined` and `false` are nothing. */
export function html(texts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  let text = texts[0]!;
  for (const [at, content] of contents.entries()) text += written(content) + texts[at + 1]!;
  return new Markup(text);
}

function written(content: Content): string {
  if (content === undefined || content === false) return '';
  if (content instanceof Markup) return content.text;
  if (typeof content === 'object') return content.map(written).join('');
  return String(content).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A value as JSON inside a `<script>`, where nothing is escaped and only its end tag, or a comment, could end it. */
export function jsonInScript(value: unknown): Markup {
  return new Markup(JSON.stringify(value).replaceAll('<', '\\u003c'));
}
