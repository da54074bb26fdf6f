import { findProblems, type Part } from './find-problems.js';
import { MAX_PROBLEMS, PolicyFileError, type PolicyProblem, type Position } from './policy-file-error.js';
import { type Place, placesOf } from './yaml-positions.js';
import { readYaml } from './yaml-text.js';
import { TreeReader } from './yaml-value.js';

/** Options that hardly any other file has. */
const LOOKS_LIKE_POLICY = /(?:^|[\s{,])["']?(?:quotas|windowMs|throttle)["']?\s*:/;

/** A policy or layer in YAML: its value, and the positions of its options. */
export class PolicyText {
  readonly value: unknown;
  readonly place: Place;
  readonly tree: TreeReader;
  readonly #problems: PolicyProblem[];
  readonly #file: string;
  /** False for a text that may be any file, named by mistake: no error shows anything of it. */
  readonly #mayBeQuoted: boolean;
  readonly #positionAt: (offset: number) => Position;

  /**
   * `root` is the name of the whole in errors.
   *
   * @throws PolicyFileError when the text has no value.
   */
  constructor(text: string, file: string, root: string) {
    const yaml = readYaml(text);
    this.#file = file;
    this.#mayBeQuoted = LOOKS_LIKE_POLICY.test(text);
    this.place = { path: root, keys: [], node: yaml.root, offset: yaml.root?.range[0] ?? 0 };
    if (yaml.syntaxErrors.length > 0) throw this.#errorOf(yaml.syntaxErrors);
    this.#positionAt = yaml.positionAt;
    this.#problems = [...yaml.warnings];
    this.tree = new TreeReader((message, offset) => this.#problems.push({ message, ...yaml.positionAt(offset) }));
    this.value = this.tree.read(yaml.root);
    if (this.value === null) {
      throw PolicyFileError.of(file, [{ message: `Expected a ${root}, got nothing`, line: 1, column: 1 }], false);
    }
    if (!this.tree.isWhole) throw this.#errorOf(this.#problems);
  }

  /**
   * The result of `check`.
   *
   * @throws PolicyFileError with the problems of all parts, when the value is not valid.
   */
  check<T>(check: (value: never) => T, partsOf: (text: PolicyText) => Iterable<Part>): T {
    try {
      if (this.#problems.length === 0) return check(this.value as never);
    } catch {
      // Found again below, with all other problems.
    }
    if (!this.#mayBeQuoted) throw this.#strange(this.#positionAt(this.place.offset));
    for (const part of partsOf(this)) {
      if (this.#problems.length >= MAX_PROBLEMS) break;
      for (const { offset, ...found } of findProblems(part, this.tree)) {
        this.#problems.push({ ...found, ...this.#positionAt(offset) });
      }
    }
    throw this.#errorOf(this.#problems);
  }

  #errorOf(problems: readonly PolicyProblem[]): PolicyFileError {
    return this.#mayBeQuoted ? PolicyFileError.of(this.#file, problems) : this.#strange(problems[0]!);
  }

  #strange({ line, column }: Position): PolicyFileError {
    const what = `a ${this.place.path} with options such as \`quotas\``;
    const message = `Expected ${what}, got another text, which is not shown`;
    return PolicyFileError.of(this.#file, [{ message, line, column }], false);
  }

  positionOf(option: string): Position | undefined {
    const [found] = placesOf(option, this.place, this.tree);
    return found.path === option ? this.#positionAt(found.offset) : undefined;
  }
}
