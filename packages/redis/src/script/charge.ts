import { MAX_WINDOW_MS } from '@tollgate/core/kit';
import { ARRANGING } from './arranging.js';
import { CONSUME_OPERATION, WAIT } from './consume.js';
import { askIndex, COUNTER_FUNCTIONS, COUNTERS, FORGET, SHARED_NAMES } from './counter.js';
import { indexOf, keyOf, longestOf, shapeOf, violationsOf } from './fields.js';
import { RECORD_OPERATION } from './record.js';
import { REFUND_OPERATION } from './refund.js';
import { USUAL_CHARGE } from './usual.js';
import { VIOLATE_OPERATION, VIOLATIONS } from './violations.js';

/**
 * The script of the store: charges, peeks, refunds, records and violations, in the order in which they were asked, in
 * one atomic step.
 *
 * Redis 6.2 and later, Valkey 7.2 and later. Every key of a call lies in one hash slot on a cluster.
 *
 * What runs when:
 *
 *     COUNTERS            at the start: tables that cache counters during the call
 *     USUAL_CHARGE        for each charge: the fast path, which decides and records a usual charge that fits
 *     makeOperate         before the first other operation: makes functions of COUNTER_FUNCTIONS (the pieces that the
 *                         fast path has inline), ARRANGING (a counter's windows), VIOLATIONS, and WAIT (when there is
 *                         room)
 *     CONSUME_OPERATION   for a charge that the fast path does not take, and for a peek
 *     REFUND_OPERATION, RECORD_OPERATION, VIOLATE_OPERATION
 *     at the end          writes the changed keys, and packs the reply
 *
 * The functions are made only when they are needed: making them takes Redis longer than a usual charge.
 *
 * KEYS, in any order: the counters, their violations if they have a throttle, and for each account its index. No key is
 * there twice.
 *
 * ARGV[1]: a JSON array of numbers:
 *
 *     nonce         a number below 2^52 that no other call has; births are counted up from it
 *     operations    the place here of the first one
 *     for each shape: spare, throttled (0 or 1), the longest windowMs, quotas n, then n times limit, windowMs, sliceMs,
 *       maxSlices; if throttled also n times the shrunk limit, then afterViolations, withinMs, sliceMs, maxSlices,
 *       forMs, factor (0: does not escalate), maxMs, rememberedMs
 *     for each operation one of
 *       0 times counters (key index shape violations cost)*   charges `times` times, each decided separately
 *       1 0     counters (key index shape violations cost)*   peeks
 *       2 admittedAt counters (key birth cost)*               refunds costs that were admitted at that instant
 *       3 agoMs counters (key index shape cost)*              records costs that were admitted `agoMs` ago
 *       4 times counters (violations index shape)*            counts violations by charges that the process refused
 *       5 times counters accounts key keys (key index shape violations cost)*
 *         charges several accounts, each like a 0 and answered so. The key and the index of the account's own counters
 *         are 0, and their violations are 1 with a throttle. From the first `key` on, KEYS has `keys` keys for each
 *         account: each of its own counters, followed by its violations if it has a throttle, and then its index.
 *
 * `key`, `index` and `violations` (0 without a throttle) are places in KEYS. A shape is the place here of its number of
 * quotas. On a counter with a cost of 0 a charge always fits and records nothing. Refunds and records cost more than 0.
 *
 * The reply is a string of little-endian doubles: the instant of the call in ms, then for each operation its status.
 * A status above 0 means that a key is spoilt: it holds something that is not of this format, or cannot be true. The
 * operation has changed nothing, and the others are not affected. Of n counters, the status is the number of the
 * counter, from 1; n more if its violations are spoilt; 2 n more if the index of its account is. A charge or peek with
 * status 0 is followed by
 *
 *     now admitted wait          admitted: of `times`; wait: ms until one more fits, -1 for never, 0 for now
 *     birth                      of each counter, 0 where there is no counter
 *     used reset                 of each quota: used before the operation, ms until room grows after it
 *     before after violations    of each counter with a throttle: the ms for which it was throttled before the
 *                                operation, and is after it, negated if that began with a refusal here; and its
 *                                violations by now, 0 if the operation counted none
 *     reset                      of each quota, only if a throttling began: for refused charges
 *     unchanged                  only after a refusal: ms until a slice leaves one of the quotas, -1 for never
 *
 * and violations with status 0 by
 *
 *     throttled                  of each counter: ms, negated if the throttling began here
 *
 * A counter is a string, little-endian:
 *
 *     u8 version, f64 birth, f64 base, u32 last, u8 windows
 *     for each window: u32 windowMs, u32 used, u16 slices, u8 costBytes, 2 bytes of 0
 *     for each window, for each slice, oldest first: u32 at, then its cost in costBytes (1, 2 or 4)
 *
 * Its violations are a string of their own:
 *
 *     u8 version, f64 endsAt, u32 lasted, f64 until, f64 base, u32 used, u16 slices
 *     for each slice, oldest first: u32 at, u32 violations
 *
 * `endsAt` and `lasted` are of the latest throttling, 0 for none. After `until` the string no longer matters.
 *
 * `at` and `last` are ms after `base`. `last` is the instant of the latest change; for this counter, time does not go
 * back before it. A key expires when its longest window and an eighth of that have passed since, or somewhat sooner:
 * the first charge in each eighth sets the expiry. That is by the server's clock, so a counter that is ahead of the
 * clock does not live longer. The index of an account is a sorted set of the names of its
 * counters. Each score is the latest instant at which the counter may matter. A counter is added when it is begun, and
 * again when its base moves: at the latest when that is `spare` of its longest windows ago. An account may have
 * millions of subjects that come and go, so their entries end with their keys: `spare` is 0, and whatever sets the
 * expiry of the key adds the counter again.
 */
export const CHARGE_SCRIPT: string = `
local ask, call, try = cjson.decode(ARGV[1]), redis.call, redis.pcall
local unpack, pack, read, sub, byte, floor, concat =
  unpack, struct.pack, struct.unpack, string.sub, string.byte, math.floor, table.concat
local time = call('TIME')
local clock = time[1] * 1000 + floor(time[2] / 1000)
local births, start, total = ask[1], ask[2], #ask
-- Room for the usual replies: a table that grows is copied.
local reply, size = { clock, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil }, 1
${COUNTERS}
local operate, slicesOf

-- Makes the function for everything but the usual charge.
local function makeOperate(${SHARED_NAMES})
${COUNTER_FUNCTIONS}${ARRANGING}${VIOLATIONS}${WAIT}
-- Carries out an operation. Its counters begin at the places from \`first\` to \`stop\`, \`step\` apart.
return function(kind, detail, first, step, stop)
  local counters, now, status = (stop - first) / step + 1, clock, 0
  for c = first, stop, step do
    local counter = (c - first) / step + 1
    if kind < 4 then
      local head = load(${keyOf('c')})
      if head == nil or head and head[3] + head[4] > clock + MOST then
        status = counter
      elseif head and head[3] + head[4] > now then
        now = head[3] + head[4]
      end
    end
    local violations = kind == 4 and ${keyOf('c')} or kind < 2 and ${violationsOf('c')} or 0
    if violations > 0 and status == 0 then
      local record = recordOf(violations)
      if record == nil then
        status = counters + counter
      elseif record and record[6] > 0 then
        now = math.max(now, record[4] + read('<I4', record[7], #record[7] - 7))
      end
    end
    if status > 0 then break end
  end
  for c = first, status == 0 and (kind < 2 or kind == 3) and stop or 0, step do
    local head = heads[${keyOf('c')}]
    if head then
      local _, longest, sound = expire(${keyOf('c')}, head, now)
      if not sound or longest > ${MAX_WINDOW_MS} then status = (c - first) / step + 1 end
    end
  end
  if status == 0 and kind > 2 then
    -- A record begins its counters in the index. Whatever else needs the index asks whether it can be written.
    local asked = 0
    for c = first, stop, step do
      local key, index, longest, entered = ${keyOf('c')}, ${indexOf('c')}, ${longestOf(shapeOf('c'))}, true
      if kind == 4 or heads[key] then
        if index ~= asked then${askIndex('index')}
          asked, entered = index, not foreign
        end
      elseif detail < longest then
        entered = register(key, index, now, longest, ${shapeOf('c')})
      end
      if not entered then
        status = 2 * counters + (c - first) / step + 1
        break
      end
    end
  end
  size = size + 1
  reply[size] = status

  if status > 0 then
    if kind < 4 then${FORGET}
    end
  elseif kind < 2 then
${CONSUME_OPERATION}  elseif kind == 2 then
${REFUND_OPERATION}  elseif kind == 3 then
${RECORD_OPERATION}  else
${VIOLATE_OPERATION}  end
end
end

while start <= total do
  local kind, times, counters = ask[start], ask[start + 1], ask[start + 2]
  local first, step, accounts, key, keys, own = start + 3, 5, 1, 0, 0, nil
  if kind == 5 then
    accounts, key, keys, first, kind, own = ask[first], ask[start + 4], ask[start + 5], start + 6, 0, {}
  elseif kind > 1 then
    step = kind == 3 and 4 or 3
  end
  local stop = first + step * (counters - 1)
  for c = first, own and stop or 0, 5 do
    if ask[c] == 0 then own[#own + 1] = c end
  end
  for account = 1, accounts do
    if own then
      -- Each account in turn becomes a charge of its own, in the same place.
      local index, place = key + keys - 1, key
      for o = 1, #own do
        local c = own[o]
        ask[c], ask[c + 1], place = place, index, place + 1
        if ${violationsOf('c')} > 0 then ask[c + 3], place = place, place + 1 end
      end
      key = key + keys
    end
    local taken = false
    if kind == 0 then${USUAL_CHARGE}
    end
    if not taken then
      operate = operate or makeOperate(${SHARED_NAMES})
      operate(kind, times, first, step, stop)
    end
  end
  start = stop + step
end

for key, life in pairs(lives) do
  if life > 0 then
    call('SET', KEYS[key], texts[key], 'PX', life)
  else
    call('SET', KEYS[key], texts[key], 'KEEPTTL')
  end
end

-- Packs as many numbers at once as fit on Lua's stack.
local from, bytes = 1, ''
while size - from >= 240 do
  bytes, from = bytes .. pack('<' .. string.rep('d', 240), unpack(reply, from, from + 239)), from + 240
end
return bytes .. pack('<' .. string.rep('d', size - from + 1), unpack(reply, from, size))
`;
