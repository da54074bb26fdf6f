import { checkOneOf, checkOptions, checkString } from '../check.js';
import { optionRangeError, optionTypeError, showName } from '../errors.js';
import { warnOnce } from '../warnings.js';
import type { AddressRanges } from './address-ranges.js';
import type { CategoryLayer, CheckedLayer, Layer, QuotaList, SubjectLayer } from './layer.js';
import { nearestName } from './nearest-name.js';

/** What a policy has names of. Accounts have no such names: clients bring them. A `subject` is a kind of subject. */
export type NameKind = 'category' | 'plan' | 'region' | 'environment' | 'subject';

/** The names of a policy as types; any string where the policy has none of a kind. */
export type PolicyNames = { readonly [Kind in NameKind]: string };

/** Names without a layer of their own, beside those that have one. See `docs/policy.md`. */
export interface KnownNames {
  readonly categories?: readonly string[];
  readonly plans?: readonly string[];
  readonly regions?: readonly string[];
  readonly environments?: readonly string[];
  /** Kinds of subjects. */
  readonly subjects?: readonly string[];
}

/**
 * The part of a policy's options from which {@link definePolicy} infers its names. Categories and kinds of subjects
 * come from the policy itself and from its plans, regions and environments.
 */
export interface NamedOptions<
  Category extends string,
  Plan extends string,
  Region extends string,
  Environment extends string,
  Subject extends string,
  Known,
> extends NamedLayer<Category, Subject> {
  readonly plans?: NamedLayers<Plan, Category, Subject>;
  readonly regions?: NamedLayers<Region, Category, Subject>;
  readonly environments?: NamedLayers<Environment, Category, Subject>;
  readonly known?: Known;
}

interface NamedLayer<Category extends string, Subject extends string> {
  readonly categories?: { readonly [Name in Category]?: QuotaList | CategoryLayer };
  readonly each?: { readonly [Name in Subject]?: QuotaList | SubjectLayer };
}

type NamedLayers<Name extends string, Category extends string, Subject extends string> =
  | { readonly [Key in Name]?: Layer & NamedLayer<Category, Subject> }
  | ReadonlyMap<Name, Layer>;

/** The names of one kind: those of layers, and those listed in `known`. */
export type NamesOf<OfLayers extends string, Listed> = [OfLayers | ItemOf<Listed>] extends [never]
  ? string
  : OfLayers | ItemOf<Listed>;

type ItemOf<List> = List extends readonly (infer Item extends string)[] ? Item : never;

/** The kinds of names, and the option of {@link KnownNames} that lists each. */
export const KINDS_OF_NAMES: readonly { readonly kind: NameKind; readonly option: keyof KnownNames }[] = [
  { kind: 'category', option: 'categories' },
  { kind: 'plan', option: 'plans' },
  { kind: 'region', option: 'regions' },
  { kind: 'environment', option: 'environments' },
  { kind: 'subject', option: 'subjects' },
];
const KINDS = KINDS_OF_NAMES.map(({ kind }) => kind);
/** The kinds of which a charge has one name, under the kind. */
const FIELDS = ['category', 'plan', 'region', 'environment'] as const;
const OPTIONS = KINDS_OF_NAMES.map(({ option }) => option);

type Layers = ReadonlyMap<string, CheckedLayer>;

export interface LayersByKind {
  readonly base: CheckedLayer;
  readonly plans: Layers;
  readonly regions: Layers;
  readonly environments: Layers;
  readonly accounts: Layers;
  readonly addresses: AddressRanges | undefined;
}

/** What adapters read from the paths of the Legs API; `other` is also the category of a request that names none. */
export const LEGS_API_CATEGORIES = ['legs', 'bridges', 'actions', 'events', 'other'] as const;
const FROM_PATHS: ReadonlySet<string> = new Set(LEGS_API_CATEGORIES);

/** The names that a policy has. Of a kind without any name, every name is accepted. */
export class NameTable {
  readonly #names: Readonly<Record<NameKind, ReadonlySet<string>>>;
  /** Whether `known` lists the categories. */
  readonly #isListed: boolean;
  /** The reported names of each kind, a few at most: requests may bring any number. */
  readonly #reported: Readonly<Record<NameKind, Set<string>>>;

  /**
   * @throws RangeError when a layer has a category that the policy does not have: a layer of an account or an address,
   * or any named layer where `known` lists the categories. The same for a kind of subject that is misspelt, and for too
   * many kinds.
   */
  constructor(path: string, listed: unknown, layers: LayersByKind) {
    const { base, plans, regions, environments, accounts, addresses } = layers;
    const known = checkKnown(`${path}.known`, listed);
    const shared = [plans, regions, environments].flatMap((layers) => [...layers.values()]);
    const ofParties = [...accounts.values(), ...(addresses?.all ?? [])];
    const ofShared = known.categories === undefined ? shared.flatMap(({ categories }) => [...categories.keys()]) : [];
    const kinds = [...[base, ...shared].flatMap(({ each }) => [...each.keys()]), ...(known.subjects ?? [])];
    this.#isListed = known.categories !== undefined;
    this.#names = {
      category: new Set([...base.categories.keys(), ...ofShared, ...(known.categories ?? [])]),
      plan: new Set([...plans.keys(), ...(known.plans ?? [])]),
      region: new Set([...regions.keys(), ...(known.regions ?? [])]),
      environment: new Set([...environments.keys(), ...(known.environments ?? [])]),
      subject: new Set([...kinds, ...ofParties.flatMap(({ each }) => [...each.keys()])]),
    };
    this.#reported = {
      category: new Set(),
      plan: new Set(),
      region: new Set(),
      environment: new Set(),
      subject: new Set(),
    };
    for (const layer of [...shared, ...ofParties]) {
      for (const category of layer.categories.keys()) {
        this.check('category', category, `${layer.path}.categories.${showName(category)}`);
      }
    }
    for (const layer of ofParties) checkKinds(layer, kinds);
    if (this.#names.subject.size > MAX_KINDS) {
      throw optionRangeError(`${path}.each`, KINDS_RULE, this.#names.subject.size);
    }
  }

  of(kind: NameKind): ReadonlySet<string> {
    return this.#names[kind];
  }

  /**
   * Whether the name is no mistake: the policy has it, or no name of its kind. Where `known` does not list the
   * categories, those of the Legs API are none either, since a policy may set limits for some of them and leave the
   * others at its base; but one that is near a name of the policy shows that this name is misspelt.
   */
  has(kind: NameKind, name: string): boolean {
    const names = this.#names[kind];
    if (names.size === 0 || names.has(name)) return true;
    if (kind !== 'category' || !FROM_PATHS.has(name)) return false;
    if (name === 'other') return true;
    return (
      !this.#isListed &&
      nearestName(
        name,
        [...names].filter((own) => !FROM_PATHS.has(own)),
      ) === undefined
    );
  }

  /** @throws RangeError unless the policy has the name. */
  check(kind: NameKind, name: string, option: string): void {
    checkOneOf('kind', kind, KINDS);
    if (this.has(kind, name)) return;
    const article = kind === 'environment' ? 'an' : 'a';
    throw optionRangeError(option, `${article} ${kind} of the policy`, name, this.#hint(kind, name));
  }

  /** Warns of the names that a charge has and the policy does not. Not for every charge: this is slow. */
  report(names: { readonly [Kind in (typeof FIELDS)[number]]?: string | undefined }): void {
    for (const kind of FIELDS) {
      const name = names[kind];
      if (name === undefined || this.has(kind, name)) continue;
      this.#reportOnce(kind, name, `A charge has the ${kind} ${showName(name)}, which the policy does not have`);
    }
  }

  /** Warns of a kind of subject that a charge names and the policy does not have. */
  reportSubject(kind: string): void {
    if (this.has('subject', kind)) return;
    this.#reportOnce('subject', kind, `A charge has the subject ${showName(kind)}, which the policy does not have`);
  }

  /**
   * Warns of the categories and kinds of subjects that the layer of an account sets, and the policy does not have. Such
   * a kind has no effect, even where the policy has no kinds at all.
   */
  reportLayer({ path, categories, each }: CheckedLayer): void {
    for (const kind of each.keys()) {
      if (this.#names.subject.has(kind)) continue;
      const what = `${path} sets limits of the subject ${showName(kind)}, which the policy does not have`;
      this.#reportOnce('subject', kind, what);
    }
    for (const category of categories.keys()) {
      if (this.has('category', category)) continue;
      const what = `${path} sets limits of the category ${showName(category)}, which the policy does not have`;
      this.#reportOnce('category', category, what);
    }
  }

  #reportOnce(kind: NameKind, name: string, what: string): void {
    const reported = this.#reported[kind];
    const shown = showName(name);
    if (reported.size >= MAX_REPORTED || reported.has(shown)) return;
    reported.add(shown);
    warnOnce('TOLLGATE_UNKNOWN_NAME', `${what}: ${this.#hint(kind, name)}`);
  }

  #hint(kind: NameKind, name: string): string {
    const names = [...this.#names[kind]];
    if (names.length === 0) return 'add it to `known`';
    const nearest = nearestName(name, names);
    if (nearest !== undefined) return `did you mean ${showName(nearest)}?`;
    const more = names.length - SHOWN;
    return `it has ${names.slice(0, SHOWN).map(showName).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  }
}

/**
 * A kind of which only the layer of an account or address sets limits is a kind of the policy too, unless it is near
 * another: then it is that one misspelt.
 */
function checkKinds({ path, each }: CheckedLayer, kinds: readonly string[]): void {
  for (const kind of each.keys()) {
    const nearest = kinds.includes(kind) ? undefined : nearestName(kind, kinds);
    if (nearest === undefined) continue;
    const hint = `did you mean ${showName(nearest)}?`;
    throw optionRangeError(`${path}.each.${showName(kind)}`, 'a subject of the policy', kind, hint);
  }
}

/** A policy has few kinds of subjects, so that a number has a bit for each. */
const MAX_KINDS = 8;
const KINDS_RULE = `limits of at most ${MAX_KINDS} kinds of subjects, with those of all layers and of \`known\``;
const MAX_REPORTED = 8;
const SHOWN = 8;

const LIST_RULE = 'a list of at least one name';

function checkKnown(path: string, listed: unknown): KnownNames {
  if (listed === undefined) return {};
  const known = checkOptions(path, listed, OPTIONS);
  for (const [option, names] of Object.entries(known)) {
    if (names === undefined) continue;
    if (!Array.isArray(names)) throw optionTypeError(`${path}.${option}`, LIST_RULE, names);
    if (names.length === 0) throw optionRangeError(`${path}.${option}`, LIST_RULE, names);
    for (const [index, name] of names.entries()) checkString(`${path}.${option}[${index}]`, name);
  }
  return known as KnownNames;
}
