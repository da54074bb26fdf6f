export type { ChartData, GroupData } from './chart-data.js';
export { usagePage } from './usage-page.js';
