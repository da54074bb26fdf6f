import { pathSegments } from './http/path.js';
import { definePolicy, type Policy } from './policy.js';
import { perMinute } from './quota.js';
