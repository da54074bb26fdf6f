export { addCounterCommands } from './counter-commands.js';
