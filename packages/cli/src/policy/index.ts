export { checkNames, checkSubjectKinds, noteLikelyMistake, noteLikelyNetwork } from './known-names.js';
export { addPolicyCheck } from './policy-check.js';
export { addPolicyExplain } from './policy-explain.js';
export { readLayer, readPolicy } from './policy-file.js';
