export { shownText } from '../safe-text.js';
export { alignedRows, clipped, padded, widthOf } from './columns.js';
export { countedDuration, parseDuration, waitInWords } from './duration-words.js';
export {
  countInWords,
  heatBounds,
  heatOf,
  minuteInWords,
  patternInWords,
  shareInWords,
  WEEKDAYS,
} from './figures.js';
export { isQuotaList, layerRows, shownQuotas } from './layer-rows.js';
export { blockEndInWords, blockInWords, shownParty } from './party-words.js';
export { parseQuotas, quotasInWords } from './quota-words.js';
export {
  parseName,
  plainCategory,
  plainName,
  shownCategory,
  shownInstant,
  shownName,
} from './shown-text.js';
export { parseSubject, type Subjects, shownSubject, shownSubjects } from './subject-words.js';
export { parseThrottle, THROTTLE_FORM, throttleInWords } from './throttle-words.js';
