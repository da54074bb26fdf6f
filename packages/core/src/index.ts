export { type Clock, monotonicClock, wallClock } from './clock.js';
