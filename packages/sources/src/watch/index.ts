export { PolicyWatch } from './policy-watch.js';
export { type WatchOptions, watchPolicyFile } from './watch-policy-file.js';
