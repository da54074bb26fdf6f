/**
 * A counter is one record of 34 words of 32 bits, so a charge finds all that it needs in one place. An instant and a
 * birth are 64-bit numbers and take two words.
 *
 *      0      1      2     3        4 5         6 7     8 … 13    14 … 23        24 … 33
 *     ┌──────┬──────┬─────┬────────┬───────────┬───────┬─────────┬──────────────┬───────────────┐
 *     │ hash │ next │ tag │ window │ expires at│ birth │ account │ first window │ second window │
 *     │      │      │     │  count │           │       │         │              │               │
 *     └──────┴──────┴─────┴────────┴───────────┴───────┴─────────┴──────────────┴───────────────┘
 *
 * With more than two windows, all of them lie in a span outside the record, and word 14 has the span's first window. In
 * a free record, word 14 has the next free slot. A window takes 10 words, in a counter's record or in a span:
 *
 *      0 1         2      3       4           5       6      7       8             9
 *     ┌───────────┬──────┬───────┬───────────┬───────┬──────┬───────┬─────────────┬─────┐
 *     │ newest at │ used │ limit │ window ms │ block │ head │ count │ newest cost │ age │
 *     └───────────┴──────┴───────┴───────────┴───────┴──────┴───────┴─────────────┴─────┘
 *
 * The newest slice lies in the window's own words. The slices before it lie in a ring of another block of memory.
 *
 * @module
 */

/** The hash of account and counter name. */
export const HASH = 0;
/** The slot behind this one in its chain, plus one; 0 ends the chain. */
export const NEXT = 1;
/** The number of the counter's name, or that of a subject's kind, and the form of the account. */
export const TAG = 2;
export const WINDOW_COUNT = 3;
/** A number. */
export const EXPIRES_AT = 4;
/** A number that no other counter of the table ever has. */
export const BIRTH = 6;
/** The account and, for a subject's counter, the subject: four characters to a word, or a digest. */
export const ACCOUNT = 8;
export const ACCOUNT_WORDS = 6;
/** The windows in the record. */
export const OWN_WINDOWS = 14;
/** In their place: the first window of the counter's span. */
export const SPAN = 14;
/** In a free record: the next free slot, plus one; 0 ends the list. */
export const NEXT_FREE_SLOT = 14;

export const WINDOW_WORDS = 10;
export const MAX_OWN_WINDOWS = 2;
export const COUNTER_WORDS = 34;

/** The instant of the newest slice, a number. */
export const NEWEST_AT = 0;
/** In a free span, in its first window: the next free span of that length, plus one; 0 ends the list. */
export const NEXT_FREE_SPAN = 0;
/** The cost that all slices have. */
export const USED = 2;
/** The limit of the latest charge. */
export const LIMIT = 3;
export const WINDOW_MS = 4;
/** The block of the ring, or {@link NO_BLOCK}. */
export const BLOCK = 5;
/** The place of the oldest slice in the ring. */
export const HEAD = 6;
/** The number of slices. */
export const COUNT = 7;
export const NEWEST_COST = 8;
/** How many milliseconds older the oldest slice is than the newest. */
export const AGE = 9;

export const NO_BLOCK = 0xffffffff;
