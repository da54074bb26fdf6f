import { ARRANGING } from './arranging.js';
import { CONSUME_OPERATION, WAIT } from './consume.js';
import { COUNTER } from './counter.js';
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
 *     shapes, then for each: throttled (0 or 1), quotas n, then n times limit, windowMs, sliceMs, maxSlices, and of a
 *       throttled one n times the shrunk limit, then afterViolations, withinMs, sliceMs, maxSlices, forMs, factor (0: does
 *       not escalate), maxMs, rememberedMs
 *     operations up to the end, each one of
 *       0 times cost counters (key index shape violations)* charge `cost`, `times` times, each decided by itself
 *       1 0     cost counters (key index shape violations)* peek
 *       2 at    cost counters (key birth)*                  refund what was admitted at the instant `at`
 *       3 ago   cost counters (key index shape)*            record what was admitted `ago` ms ago, whatever the limits
 *       4 times 0    counters (violations index shape)*     count violations of what was refused without a call
 *       5 times cost counters accounts key shape*           charges of so many accounts, each like a 0, and answered so: KEYS
 *                                                           from `key` on are of each account its counters, then the
 *                                                           violations of those that have a throttle, then its index
 *
 * `key`, `index` and `violations` (0 without a throttle) are places in KEYS; a shape is a place among the shapes, from 1;
 * costs of 0 never come as charges.
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
 * `at` and `last` (the latest admission) are ms after `base`. A key expires an eighth of its longest window after its latest
 * admission leaves that, or somewhat sooner: its expiry is set by the first admission in each eighth. The index of an account is a sorted set of the names of its counters, each scored with the
 * latest instant at which it may still matter; a counter enters it anew when it is begun and when its base is moved.
 */
export const CHARGE_SCRIPT: string = `
local ask, call = cjson.decode(ARGV[1]), redis.call
local spread, unpack, pack, sub, byte, floor, concat =
  unpack, struct.unpack, struct.pack, string.sub, string.byte, math.floor, table.concat
local time = call('TIME')
local clock = time[1] * 1000 + floor(time[2] / 1000)
local births = ask[1]
local shapes, longests, at = {}, {}, 3
for shape = 1, ask[2] do
  local quotas, longest = ask[at + 1], 0
  for q = at + 3, at + 4 * quotas, 4 do
    if ask[q] > longest then longest = ask[q] end
  end
  shapes[shape], longests[at + 1] = at + 1, longest
  at = at + 2 + 4 * quotas + (ask[at] == 1 and quotas + 8 or 0)
end
local reply, size, total = { clock, nil, nil, nil, nil, nil, nil, nil, nil, nil }, 1, #ask

${COUNTER}${USUAL_CHARGE}
-- Everything else. Made when it is first needed, since to make its functions takes longer than a usual charge.
local function rest()
${ARRANGING}${VIOLATIONS}${WAIT}
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

local STEPS, operate = { [0] = 4, 4, 2, 3, 3 }, nil
while at <= total do
  local kind, times, cost, counters = ask[at], ask[at + 1], ask[at + 2], ask[at + 3]
  if kind == 5 then
    local accounts, key, shape = ask[at + 4], ask[at + 5], at + 5
    local first = total + 5
    local stop = first + 4 * counters - 4
    ask[total + 1], ask[total + 2], ask[total + 3] = 0, times, cost
    at = at + 6 + counters
    for account = 1, accounts do
      local own = key + counters
      for c = first, stop, 4 do
        local place = shape + (c - first) / 4 + 1
        ask[c], ask[c + 2], ask[c + 3] = key, ask[place], 0
        if ask[shapes[ask[place]] - 1] == 1 then ask[c + 3], own = own, own + 1 end
        key = key + 1
      end
      for c = first, stop, 4 do ask[c + 1] = own end
      key = own + 1
      if not usual(first, stop, times, cost) then
        operate = operate or rest()
        operate(total + 1, first, 4, stop)
      end
    end
  else
    local first, step = at + 4, STEPS[kind]
    local stop = first + step * (counters - 1)
    if kind ~= 0 or not usual(first, stop, times, cost) then
      operate = operate or rest()
      operate(at, first, step, stop)
    end
    at = stop + step
  end
end

for key, life in pairs(lives) do
  if life > 0 then
    call('SET', KEYS[key], texts[key], 'PX', life)
  else
    call('SET', KEYS[key], texts[key], 'KEEPTTL')
  end
end

-- As much at a time as Lua spreads on its stack.
local texts = {}
for from = 1, size, 240 do
  local numbers = size - from < 240 and size - from + 1 or 240
  texts[#texts + 1] = pack('<' .. string.rep('d', numbers), spread(reply, from, from + numbers - 1))
end
return concat(texts)
`;
