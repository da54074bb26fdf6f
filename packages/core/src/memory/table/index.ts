export type { AccountKey } from './account-key.js';
export { CounterTable, type Pinned, type Throttling } from './counter-table.js';
export { arrangeWindows, findWindow, lendWindow, longestWindowMs, openWindows, windowsFit } from './counter-windows.js';
