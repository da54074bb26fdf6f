export { addLimitsCommands } from './limits-commands.js';
