/**
 * Lua expressions that read ARGV of the charge script by name; the header of `charge.ts` has its layout. They are
 * pasted into the script, so a name costs nothing.
 *
 * A counter of an operation begins at the place `c`. A shape is the place of its number of quotas, and `q` counts from
 * 1.
 */
export const keyOf = (c: string): string => `ask[${c}]`;
export const indexOf = (c: string): string => `ask[${c} + 1]`;
/** Of a refund, which has it in place of the index. */
export const birthOf = (c: string): string => `ask[${c} + 1]`;
export const shapeOf = (c: string): string => `ask[${c} + 2]`;
/** The key of the violations, 0 without a throttle. Only charges and peeks have it. */
export const violationsOf = (c: string): string => `ask[${c} + 3]`;
/** The cost on the counter, of a charge or peek, of a refund and of a record. */
export const costOf = (c: string): string => `ask[${c} + 4]`;
export const refundedOf = (c: string): string => `ask[${c} + 2]`;
export const recordedOf = (c: string): string => `ask[${c} + 3]`;

/** How many of its longest windows the counter's base may be ago. 0 for the counter of a subject: see `charge.ts`. */
export const spareOf = (shape: string): string => `ask[${shape} - 3]`;
export const longestOf = (shape: string): string => `ask[${shape} - 1]`;
export const quotasOf = (shape: string): string => `ask[${shape}]`;
export const limitOf = (shape: string, q: string): string => `ask[${shape} + 4 * ${q} - 3]`;
export const windowMsOf = (shape: string, q: string): string => `ask[${shape} + 4 * ${q} - 2]`;
export const sliceMsOf = (shape: string, q: string): string => `ask[${shape} + 4 * ${q} - 1]`;
export const maxSlicesOf = (shape: string, q: string): string => `ask[${shape} + 4 * ${q}]`;
export const shrunkLimitOf = (shape: string, q: string, quotas: string = quotasOf(shape)): string =>
  `ask[${shape} + 4 * ${quotas} + ${q}]`;
/** The place before the throttle's numbers. */
export const throttleOf = (shape: string): string => `${shape} + 5 * ${quotasOf(shape)}`;
