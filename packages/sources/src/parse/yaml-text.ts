import { Composer, type Document, Lexer, LineCounter, type ParsedNode, Parser } from 'yaml';
import { MAX_PROBLEMS, type PolicyProblem, type Position } from './policy-file-error.js';

/** The syntax tree of a text in YAML 1.2. JSON is a part of YAML. */
export interface YamlText {
  /** `null` when the text has only comments. */
  readonly root: ParsedNode | null;
  readonly syntaxErrors: readonly PolicyProblem[];
  /** Parts that were ignored, such as an unknown tag. */
  readonly warnings: readonly PolicyProblem[];
  positionAt(offset: number): Position;
}

interface Fault {
  readonly code?: string;
  readonly message: string;
  readonly pos: readonly [number, number];
}

export const NO_NAME = 'Expected the name of an option, got something else';

export function readYaml(text: string): YamlText {
  const source = text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  const lines = linesOf(source);
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problem = ({ code, message, pos }: Fault) => ({
    message: code === 'NON_STRING_KEY' ? NO_NAME : printable(message),
    ...positionAt(Math.min(pos[0], source.length)),
  });
  const documents: Document.Parsed[] = [];
  try {
    for (const document of new Composer(OPTIONS).compose(tokens(source), true, source.length)) {
      documents.push(document as Document.Parsed);
      if (documents.length === 2) break;
    }
  } catch (error) {
    if (!(error instanceof TooDeep)) throw error;
    return { root: null, syntaxErrors: [problem(error)], warnings: [], positionAt };
  }
  const [first, second] = documents;
  const { errors, warnings, contents } = first!;
  const all =
    second === undefined
      ? errors
      : [
          ...errors,
          { message: 'Expected one document, got another', pos: [second.range[0], second.range[0]] as const },
        ];
  return {
    root: contents,
    syntaxErrors: all.slice(0, MAX_PROBLEMS).map(problem),
    warnings: warnings.slice(0, MAX_PROBLEMS).map(problem),
    positionAt,
  };
}

/**
 * Only the tags of JSON, whatever the directives of the text are. Keys are strings: an account may have the name `007`
 * or `null`. {@link TreeReader} finds duplicate keys in one pass; the parser would search the whole map for each key.
 */
const OPTIONS = {
  version: '1.2',
  schema: 'core',
  resolveKnownTags: false,
  stringKeys: true,
  uniqueKeys: false,
  prettyErrors: false,
} as const;

const BYTE_ORDER_MARK = '\uFEFF';

/** A policy has about 8 levels. The composer is recursive, and a stack overflow can end the process. */
const MAX_DEPTH = 100;

class TooDeep extends Error {
  readonly pos: readonly [number, number];

  constructor(offset: number) {
    super(`Expected at most ${MAX_DEPTH} levels, got more`);
    this.pos = [offset, offset];
  }
}

function* tokens(source: string): ReturnType<Parser['parse']> {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(source)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > MAX_DEPTH) throw new TooDeep(parser.offset);
  }
  yield* parser.end();
}

/** The parser misses some line ends in texts that are not YAML, so lines are counted here. */
function linesOf(source: string): LineCounter {
  const lines = new LineCounter();
  for (let start = 0; ; ) {
    lines.addNewLine(start);
    const end = source.indexOf('\n', start);
    if (end < 0) return lines;
    start = end + 1;
  }
}

/** Messages of the parser may contain characters of the text. */
function printable(message: string): string {
  const short = message.length <= 200 ? message : `${message.slice(0, 200)}…`;
  return short.replace(/\p{C}/gu, (character) => JSON.stringify(character).slice(1, -1));
}
