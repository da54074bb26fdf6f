import { CONSUME_OPERATION, WAIT } from './consume.js';
import { COUNTER } from './counter.js';
import { RECORD_OPERATION } from './record.js';
import { REFUND_OPERATION } from './refund.js';
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
 *     shapes, then for each: throttled (0 or 1), quotas n, then n times limit, windowMs, sliceMs, maxSlices, and of a
 *       throttled one n times the shrunk limit, then afterViolations, withinMs, sliceMs, maxSlices, forMs, factor (0: does
 *       not escalate), maxMs, rememberedMs
 *     operations up to the end, each one of
 *       0 times cost counters (key index shape violations)* charge `cost`, `times` times, each decided by itself
 *       1 0     cost counters (key index shape violations)* peek
 *       2 at    cost counters (key birth)*                  refund what was admitted at the instant `at`
 *       3 ago   cost counters (key index shape)*            record what was admitted `ago` ms ago, whatever the limits
 *       4 times 0    counters (violations index shape)*     count violations of what was refused without a call
 *
 * `key`, `index` and `violations` (0 without a throttle) are places in KEYS; a shape is a place among the shapes, from 1;
 * costs of 0 never come as charges.
 *
 * The reply is a flat array of integers: the instant of the call in ms, then of each operation its status, and of one that
 * has status 0, a charge, a peek, or violations, also the rest
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
 * `at` and `last` (the latest admission) are ms after `base`. Every write sets the key to expire when its last admission
 * leaves its longest window. The index of an account is a sorted set of the names of its counters, each scored with the
 * latest instant at which it may still matter; a counter enters it anew when it is begun and when its base is moved.
 */
export const CHARGE_SCRIPT: string = `
local ask, call = cjson.decode(ARGV[1]), redis.call
local spread, unpack, pack, sub, byte, floor, concat =
  unpack, struct.unpack, struct.pack, string.sub, string.byte, math.floor, table.concat
local time = call('TIME')
local clock = time[1] * 1000 + floor(time[2] / 1000)
local births = ask[1]
local shapes, at = {}, 3
for shape = 1, ask[2] do
  local quotas = ask[at + 1]
  shapes[shape] = at + 1
  at = at + 2 + 4 * quotas + (ask[at] == 1 and quotas + 8 or 0)
end

${COUNTER}${VIOLATIONS}${WAIT}
local STEPS = { [0] = 4, 4, 2, 3, 3 }
local reply, size, total = { clock, nil, nil, nil, nil, nil, nil, nil, nil, nil }, 1, #ask
while at <= total do
  local kind, times, cost, first = ask[at], ask[at + 1], ask[at + 2], at + 4
  local step = STEPS[kind]
  at = first + step * ask[at + 3]
  local now, status = clock, 0
  for c = first, at - 1, step do
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

for key, life in pairs(lives) do
  if life > 0 then
    call('SET', KEYS[key], texts[key], 'PX', life)
  else
    call('SET', KEYS[key], texts[key], 'KEEPTTL')
  end
end
return reply
`;
