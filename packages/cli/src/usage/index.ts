export { addUsageCommand } from './usage-command.js';
