import { MemoryUsage } from '@tollgate/core';
import { describeUsageStore } from './usage.js';

describeUsageStore('MemoryUsage', { effort: 1, make: () => new MemoryUsage() });
