export { parsePolicyAside } from './parse-aside.js';
export { type ParsedLayer, type ParsedPolicy, type ParseOptions, parseLayer, parsePolicy } from './parse-policy.js';
export { type LoadOptions, loadPolicyFile, readPolicyFile } from './policy-file.js';
export { PolicyFileError, type PolicyProblem, type Position } from './policy-file-error.js';
