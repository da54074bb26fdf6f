import { installServer } from './redis-servers/server-binary.js';

/** Once, before all test files: what they need that npm cannot install. */
export default function setup(): void {
  installServer();
}
