import { Composer, type Document, Lexer, LineCounter, type ParsedNode, Parser } from 'yaml';
import { MAX_PROBLEMS, type PolicyProblem, type Position } from './policy-file-error.js';

/** A text in JSON or YAML 1.2, which JSON is a part of, as a tree that knows its places. */
export interface YamlText {
  /** `null` where there is nothing but comments. */
  readonly root: ParsedNode | null;
  readonly syntaxErrors: readonly PolicyProblem[];
  /** What has a meaning that was not understood, such as a tag. */
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
 * The tags that JSON has, whatever the text's directives say. Keys are what is written: an account may be called `007` or
 * `null`. Keys that occur twice are found where the tree is read, which takes one pass and not one for each key.
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

/** A policy is about 8 deep. What builds the tree recurses, and a stack that is full can end the process. */
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

/** Counted here, since the parser overlooks the end of a line in some texts that are not YAML. */
function linesOf(source: string): LineCounter {
  const lines = new LineCounter();
  for (let start = 0; ; ) {
    lines.addNewLine(start);
    const end = source.indexOf('\n', start);
    if (end < 0) return lines;
    start = end + 1;
  }
}

/** The parser's messages may repeat what stands in the text. */
function printable(message: string): string {
  const short = message.length <= 200 ? message : `${message.slice(0, 200)}…`;
  return short.replace(/\p{C}/gu, (character) => JSON.stringify(character).slice(1, -1));
}
