import { ARRANGING } from './arranging.js';
import { CONSUME_OPERATION, WAIT } from './consume.js';
import { COUNTER_FUNCTIONS, COUNTERS, GIVEN } from './counter.js';
import { RECORD_OPERATION } from './record.js';
import { REFUND_OPERATION } from './refund.js';
import { USUAL_CHARGE } from './usual.js';
import { VIOLATE_OPERATION, VIOLATIONS } from './violations.js';

/**
 * The one script of the store: charges, peeks, refunds, records and violations, in the order in which they were asked for,
 * in one atomic step.
 *
 * Redis 6.2 and later, Valkey 7.2 and later. Every key of a call lies in one hash slot on a cluster.
 *
 * KEYS, in any order: the counters, their violations if they have a throttle, and for each account its index.
 *
 * ARGV[1]: a JSON array of numbers:
 *
 *     nonce                                     a number below 2^52 that no other call has; births are counted up from it
 *     operations                                the place here of the first one
 *     for each shape: throttled (0 or 1), the longest windowMs, quotas n, then n times limit, windowMs, sliceMs, maxSlices,
 *       and of a throttled one n times the shrunk limit, then afterViolations, withinMs, sliceMs, maxSlices, forMs, factor
 *       (0: does not escalate), maxMs, rememberedMs
 *     for each operation one of
 *       0 times cost counters (key index shape violations)* charge `cost`, `times` times, each decided by itself
 *       1 0     cost counters (key index shape violations)* peek
 *       2 at    cost counters (key birth)*                  refund what was admitted at the instant `at`
 *       3 ago   cost counters (key index shape)*            record what was admitted `ago` ms ago, whatever the limits
 *       4 times 0    counters (violations index shape)*     count violations of what was refused without a call
 *       5 times cost counters accounts key shape*           charges of so many accounts, each like a 0, and answered so: KEYS
 *                                                           from `key` on are of each account its counters, then the
 *                                                           violations of those that have a throttle, then its index
 *
 * `key`, `index` and `violations` (0 without a throttle) are places in KEYS, and a shape is the place here of its number of
 * quotas; costs of 0 never come as charges.
 *
 * The reply is a string of little-endian doubles: the instant of the call in ms, then of each operation its status, and of one
 * that has status 0, a charge, a peek, or violations, also the rest
 *
 *     status                                    0, or 1: a key holds something that is not of this format
 *     now admitted wait                         admitted: of `times`; wait: ms until one more fits, -1 for never, 0 for now
 *     birth                                     of each counter, 0 where there is none
 *     used reset                                of each quota: used before the operation, ms until room grows after it
 *     before after violations                   of each counter with a throttle: for how many ms it was throttled before
 *                                               the operation, and is after it, negated if that began with a refusal here;
 *                                               and its violations by now, 0 if there is none here
 *     reset                                     of each quota, only if a throttling began: as it is for what was refused
 *
 *     left                                      of violations, for each counter: ms, negated if the throttling began here
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
 * `endsAt` and `lasted` are of the latest throttling, 0 for none; after `until` nothing here matters.
 *
 * `at` and `last` are ms after `base`; `last` is when something was last recorded, and for this counter it is never earlier
 * again. A key expires an eighth of its longest window after that window has passed since, or somewhat sooner: its expiry is
 * set by the first charge in each eighth. The index of an account is a sorted set of the names of its counters, each scored
 * with the latest instant at which it may still matter; a counter enters it anew when it is begun and when its base is moved.
 */
export const CHARGE_SCRIPT: string = `
local ask, call, try = cjson.decode(ARGV[1]), redis.call, redis.pcall
local spread, unpack, pack, sub, byte, floor, concat =
  unpack, struct.unpack, struct.pack, string.sub, string.byte, math.floor, table.concat
local time = call('TIME')
local clock = time[1] * 1000 + floor(time[2] / 1000)
local births, at = ask[1], ask[2]
local reply, size, total = { clock, nil, nil, nil, nil, nil, nil, nil, nil, nil }, 1, #ask
${COUNTERS}
local operate, slicesOf

-- All that is not the usual charge, made when it is first needed.
local function rest(${GIVEN})
${COUNTER_FUNCTIONS}${ARRANGING}${VIOLATIONS}${WAIT}
return function(at, first, step, stop)
  local kind, times, cost = ask[at], ask[at + 1], ask[at + 2]
  at = stop + step
  local now, status = clock, 0
  for c = first, stop, step do
    if kind < 4 then
      local head = load(ask[c])
      if head == nil then
        status = 1
      elseif head and head[3] + head[4] > now then
        now = head[3] + head[4]
      end
    end
    local own = kind == 4 and ask[c] or kind < 2 and ask[c + 3] or 0
    if own > 0 then
      local record = recordOf(own)
      if record == nil then
        status = 1
      elseif record and record[6] > 0 then
        now = math.max(now, record[4] + unpack('<I4', record[7], #record[7] - 7))
      end
    end
  end
  size = size + 1
  reply[size] = status

  if status == 1 then
    -- Not ours to touch.
  elseif kind < 2 then${CONSUME_OPERATION}  elseif kind == 2 then${REFUND_OPERATION}  elseif kind == 3 then${RECORD_OPERATION}  else${VIOLATE_OPERATION}  end
end
end

while at <= total do
  local kind, times, cost, counters = ask[at], ask[at + 1], ask[at + 2], ask[at + 3]
  local accounts, first, step, own, place = 1, at + 4, kind < 2 and 4 or kind == 2 and 2 or 3, 0, 0
  if kind == 5 then
    accounts, own, place, first, step = ask[at + 4], ask[at + 5], at + 6, total + 5, 4
    ask[total + 1] = 0
    ask[total + 2], ask[total + 3] = times, cost
  end
  local stop, asked = first + step * (counters - 1), kind == 5 and total + 1 or at
  for account = 1, accounts do
    if kind == 5 then
      -- The places of this account's keys, as if it were a charge by itself.
      local key = own
      own = own + counters
      for c = first, stop, 4 do
        local shape = ask[place + (c - first) / 4]
        ask[c], ask[c + 2], ask[c + 3], key = key, shape, 0, key + 1
        if ask[shape - 2] == 1 then ask[c + 3], own = own, own + 1 end
      end
      for c = first, stop, 4 do ask[c + 1] = own end
      own = own + 1
    end
    local taken = false
    if kind == 0 or kind == 5 then${USUAL_CHARGE}
    end
    if not taken then
      operate = operate or rest(${GIVEN})
      operate(asked, first, step, stop)
    end
  end
  at = kind == 5 and place + counters or stop + step
end

for key, life in pairs(lives) do
  if life > 0 then
    call('SET', KEYS[key], texts[key], 'PX', life)
  else
    call('SET', KEYS[key], texts[key], 'KEEPTTL')
  end
end

-- As much at a time as Lua spreads on its stack.
local from, bytes = 1, ''
while size - from >= 240 do
  bytes, from = bytes .. pack('<' .. string.rep('d', 240), spread(reply, from, from + 239)), from + 240
end
return bytes .. pack('<' .. string.rep('d', size - from + 1), spread(reply, from, size))
`;
