export { addPolicyCommands } from './policy-commands.js';
export { readLayer, readPolicy } from './policy-file.js';
