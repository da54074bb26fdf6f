import { CONSUME_OPERATION, WAIT } from './consume.js';
import { COUNTER } from './counter.js';
import { RECORD_OPERATION } from './record.js';
import { REFUND_OPERATION } from './refund.js';

/**
 * The one script of the store: charges, peeks, refunds and records, in the order in which they were asked for, in one
 * atomic step.
 *
 * Redis 6.2 and later, Valkey 7.2 and later. Every key of a call lies in one hash slot on a cluster.
 *
 * KEYS, in any order: the counters, and for each account among them its index.
 *
 * ARGV[1]: a JSON array of numbers:
 *
 *     nonce                                     a number below 2^52 that no other call has; births are counted up from it
 *     shapes, then for each: quotas n, then n times limit, windowMs, sliceMs, maxSlices
 *     operations up to the end, each one of
 *       0 times cost counters (key index shape)*            charge `cost`, `times` times, each decided by itself
 *       1 0     cost counters (key index shape)*            peek
 *       2 at    cost counters (key birth)*                  refund what was admitted at the instant `at`
 *       3 ago   cost counters (key index shape)*            record what was admitted `ago` ms ago, whatever the limits
 *
 * `key` and `index` are places in KEYS; a shape is a place among the shapes, from 1; costs of 0 never come as charges.
 *
 * The reply is a flat array of integers: the instant of the call in ms, then of each operation its status, and of a charge
 * or a peek that has status 0 also the rest
 *
 *     status                                    0, or 1: a key holds something that is not a counter of this format
 *     now admitted wait                         admitted: of `times`; wait: ms until one more fits, -1 for never, 0 for now
 *     birth                                     of each counter, 0 where there is none
 *     used reset                                of each quota: used before the operation, ms until room grows after it
 *
 * A counter is a string, little-endian:
 *
 *     u8 version, f64 birth, f64 base, u32 last, u8 windows
 *     for each window: u32 windowMs, u32 used, u16 slices, u8 costBytes, 2 bytes of 0
 *     for each window, for each slice, oldest first: u32 at, then its cost in costBytes (1, 2 or 4)
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
  shapes[shape] = at
  at = at + 1 + 4 * ask[at]
end

${COUNTER}${WAIT}
local reply, size, total = { clock, nil, nil, nil, nil, nil, nil, nil, nil, nil }, 1, #ask
while at <= total do
  local kind, times, cost, first = ask[at], ask[at + 1], ask[at + 2], at + 4
  local step = kind == 2 and 2 or 3
  at = first + step * ask[at + 3]
  local now, status = clock, 0
  for c = first, at - 1, step do
    local head = load(ask[c])
    if head == nil then
      status = 1
    elseif head and head[3] + head[4] > now then
      now = head[3] + head[4]
    end
  end
  size = size + 1
  reply[size] = status

  if status == 1 then
    -- Not ours to touch.
  elseif kind < 2 then${CONSUME_OPERATION}  elseif kind == 2 then${REFUND_OPERATION}  else${RECORD_OPERATION}  end
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
