/** The Legs API behind the limiter, on Express or Fastify. */
export { EXAMPLE_CREDENTIALS } from './gate.js';
export { type RunningServer, startServer } from './start-server.js';
