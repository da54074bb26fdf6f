export { addTopCommand } from './top-command.js';
