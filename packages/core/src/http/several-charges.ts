import { checkOptions } from '../check.js';
import { type Charge, ownerOf, type Subjects } from '../decision/index.js';
import { optionConflictError, optionRangeError, optionTypeError } from '../errors.js';
import { type ChargeParts, checkSubjects, checkText, withShown } from './charge-parts.js';
import type { ClientFacts } from './request-options.js';

/** What the entries of a request's charges are completed from. */
export interface Inherited {
  readonly client: ClientFacts;
  readonly parts: ChargeParts;
  /** The subjects that the path shows. */
  readonly shown: Subjects | undefined;
  /** The category of an entry, which may have one of its own. */
  readonly category: (own: string | undefined) => string;
  /** The address as it is counted. */
  readonly counted: (address: string) => string;
  /** The cost of an entry, checked. */
  readonly cost: (cost: unknown) => number;
}

/**
 * The charges of a request, made of the answer of the function `charges`.
 *
 * @throws TypeError or RangeError, with a `TOLLGATE_OPTION_…` code, for an answer that is not of 1 to 8 charges.
 */
export function severalCharges(answer: unknown, inherited: Inherited): readonly Charge[] {
  const isDeclined = answer === undefined || answer === null || answer === '';
  const charges: Charge[] = [];
  const byClient: Charge[] = [];
  for (const [index, entry] of (isDeclined ? [{}] : checkEntries(answer)).entries()) {
    const charge = chargeOf(`charges[${index}]`, entry, inherited);
    // A client that leaves out its account must neither pay twice nor pay nothing, so this waits for the other entries.
    if (charge.account === undefined && charge.address === undefined) byClient.push(charge);
    else charges.push(charge);
  }
  for (const charge of byClient) {
    const { address } = inherited.client;
    const isCharged = charges.some((other) => other.address === address && other.category === charge.category);
    if (!isCharged) charges.push({ ...charge, account: undefined, address });
  }
  checkSums(charges, inherited);
  return charges;
}

/** Charges of one account or address may meet on one counter, which has room for no more than the largest cost. */
function checkSums(charges: readonly Charge[], { cost }: Inherited): void {
  const sums = new Map<string, number>();
  for (const charge of charges) {
    const owner = ownerOf(charge);
    sums.set(owner, cost((sums.get(owner) ?? 0) + charge.cost!));
  }
}

function checkEntries(answer: unknown): readonly unknown[] {
  const rule = `an array of 1 to ${MAX_CHARGES} charges`;
  if (!Array.isArray(answer)) throw optionTypeError('charges', rule, answer);
  if (answer.length === 0 || answer.length > MAX_CHARGES) throw optionRangeError('charges', rule, answer);
  return answer;
}

/** The charge of one entry; without account and address where the client's address is meant. */
function chargeOf(path: string, entry: unknown, { parts, shown, category, counted, cost }: Inherited): Charge {
  const own = checkOptions(path, entry, FIELDS);
  const text = (field: string) => checkText(`${path}.${field}`, own[field]);
  const account = text('account');
  const address = text('address');
  if (account !== undefined && address !== undefined) {
    throw optionConflictError(`Expected either \`${path}.account\` or \`${path}.address\`, got both`);
  }
  const inheritedSubjects = account === undefined ? undefined : withShown(parts.subjects, shown);
  return {
    account,
    address: address === undefined ? undefined : counted(address),
    category: category(text('category')),
    cost: own['cost'] === undefined || own['cost'] === null ? parts.cost : cost(own['cost']),
    plan: text('plan') ?? parts.plan,
    region: text('region') ?? parts.region,
    environment: text('environment') ?? parts.environment,
    subjects: own['subjects'] === undefined ? inheritedSubjects : checkSubjects(`${path}.subjects`, own['subjects']),
  } as Charge;
}

const FIELDS = ['account', 'address', 'category', 'cost', 'plan', 'region', 'environment', 'subjects'];
const MAX_CHARGES = 8;
