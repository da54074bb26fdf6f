/** HTML, which is not escaped again. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Markup | string | number | undefined | false | readonly Content[];

/** Escapes all contents but {@link Markup}. `undefined` and `false` are left out. */
export function html(texts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  let text = texts[0]!;
  for (const [index, content] of contents.entries()) text += escaped(content) + texts[index + 1]!;
  return new Markup(text);
}

function escaped(content: Content): string {
  if (content === undefined || content === false) return '';
  if (content instanceof Markup) return content.text;
  if (typeof content === 'object') return content.map(escaped).join('');
  return String(content).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A value as JSON inside a `<script>`. A `<` could begin its end tag or a comment. */
export function jsonInScript(value: unknown): Markup {
  return new Markup(JSON.stringify(value).replaceAll('<', '\\u003c'));
}
