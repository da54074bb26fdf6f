import { MAX_WINDOW_MS } from '@tollgate/core/kit';
import { raiseOthers } from './counter.js';
import { indexOf, keyOf, shapeOf, throttleOf } from './fields.js';

/** How long violations may matter: for the longest throttling of any policy, and a day in which it is remembered. */
const LONGEST_MEMORY_MS = MAX_WINDOW_MS + 86_400_000;

/**
 * The part of the charge script that reads and counts the violations of a counter, and throttles it. The header of
 * `charge.ts` has their format.
 */
export const VIOLATIONS: string = `
-- By key: {endsAt, lasted, untilAt, base, used, slices, bytes of the slices}, false for none.
local records = {}

-- The violations of a counter: false without any, nil if the key holds something else. The latest throttling began with
-- the newest violation, or before it.
local function recordOf(key)
  local record = records[key]
  if record ~= nil then return record end
  local text = try('GET', KEYS[key])
  if not text then
    records[key] = false
    return false
  end
  if type(text) == 'table' then${raiseOthers('text', "call('GET', KEYS[key])")}
    return nil
  end
  if byte(text, 1) ~= 1 or #text < 43 then return nil end
  local version, endsAt, lasted, untilAt, base, used, slices = read('<BdI4ddI4I2', text)
  local latestAt = base + read('<I4', text, #text - 7)
  if #text ~= 35 + 8 * slices or endsAt % 1 ~= 0 or untilAt % 1 ~= 0 or base % 1 ~= 0
    or endsAt > latestAt + lasted or untilAt > latestAt + ${LONGEST_MEMORY_MS} or latestAt > clock + MOST then
    return nil
  end
  record = untilAt > clock and { endsAt, lasted, untilAt, base, used, slices, sub(text, 36) }
  records[key] = record
  return record
end

-- Counts violations. Returns for how many ms the counter is throttled from now on, whether that has just begun, and the
-- number of violations by now.
local function violate(key, index, shape, times, now)
  local throttle = ${throttleOf('shape')}
  local afterViolations, withinMs, sliceMs, maxSlices, forMs, factor, maxMs, rememberedMs =
    unpack(ask, throttle + 1, throttle + 8)
  local record = recordOf(key) or { 0, 0, 0, now, 0, 0, '' }
  local base, used, slices, bytes, start = record[4], record[5], record[6], record[7], 1
  while slices > 0 do
    local sliceAt, count = read('<I4I4', bytes, start)
    local counts = base + sliceAt > now - withinMs
    -- Violations before the last \`afterViolations\` no longer matter.
    if counts and (slices == 1 or used - count < afterViolations - 1) then break end
    used, slices, start = math.max(0, used - count), slices - 1, start + 8
  end
  bytes = sub(bytes, start)
  if slices == 0 then
    base, used = now, 0
  elseif now - base > MOST / 2 then
    local first, moved = read('<I4', bytes), {}
    for slice = 1, #bytes, 8 do
      local sliceAt, count = read('<I4I4', bytes, slice)
      moved[#moved + 1] = pack('<I4I4', sliceAt - first, count)
    end
    base, bytes = base + first, concat(moved)
  end

  local count, stop = times, #bytes
  if slices > 0 then
    local newest, sum = read('<I4I4', bytes, stop - 7)
    if base + newest == now or slices > maxSlices
      or sliceMs > 1 and floor((base + newest) / sliceMs) == floor(now / sliceMs) then
      count, stop, slices = sum + times, stop - 8, slices - 1
    end
  end
  used, count, slices = math.min(MOST, used + times), math.min(MOST, count), slices + 1
  bytes = sub(bytes, 1, stop) .. pack('<I4I4', now - base, count)

  local endsAt, lasted, began = record[1], record[2], false
  if endsAt <= now and used >= afterViolations then
    local again = factor > 0 and endsAt > 0 and now < endsAt + rememberedMs
    lasted = again and math.max(forMs, math.min(maxMs, math.ceil(lasted * factor))) or forMs
    endsAt, began = now + lasted, true
    record[3] = math.max(record[3], endsAt + rememberedMs)
  end
  local untilAt = math.max(record[3], now + withinMs)
  records[key] = { endsAt, lasted, untilAt, base, used, slices, bytes }
  texts[key] = pack('<BdI4ddI4I2', 1, endsAt, lasted, untilAt, base, used, slices) .. bytes
  lives[key] = math.max(1, untilAt - now)
  enter(key, index, untilAt)
  return math.max(0, endsAt - now), began, used
end
`;

/** The part of the charge script that counts violations by charges that were refused elsewhere: `kind` 4. */
export const VIOLATE_OPERATION: string = `
    for c = first, stop, 3 do
      local left, began = violate(${keyOf('c')}, ${indexOf('c')}, ${shapeOf('c')}, detail, now)
      size = size + 1
      reply[size] = began and -left or left
    end
`;
