import { MemoryUsage } from '@tollgate/core/usage';
import { describeUsageStore } from './usage.js';

describeUsageStore('MemoryUsage', { effort: 1, make: () => new MemoryUsage() });
