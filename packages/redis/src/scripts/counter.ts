/**
 * The part of the charge script that knows how a counter is written: reading it, dropping what has passed, recording a
 * charge, writing it back. The header of `charge.ts` has the format.
 */
export const COUNTER: string = `
local MOST = 4294967295
local SPARE_SLICES = 128
local SLICE = { '<I4B', '<I4I2', false, '<I4I4' }

-- By key: the bytes; the head unpacked, {version, birth, base, last, windows, (windowMs, used, slices, costBytes, start,
-- oldest)*}, false for no counter; and the life in ms of what is to be written (0: as before). Counters are written at the
-- end, so that an error before it changes none.
local texts, heads, lives = {}, {}, {}

-- Of a counter that is being put together: its head, packed, and from the second place on what lies behind that.
local parts = {}

-- How a head of so many windows is packed; of two, the most usual, without putting it together.
local function formatOf(windows)
  return windows == 2 and '<BddI4BI4I4I2BBBI4I4I2BBB' or '<BddI4B' .. string.rep('I4I4I2BBB', windows)
end

-- The head of a counter, false if there is none, nil if the key holds something else.
local function load(key)
  local head = heads[key]
  if head ~= nil then return head end
  local text = texts[key]
  if text == nil then
    text = redis.pcall('GET', KEYS[key])
    texts[key] = text
  end
  if not text then
    heads[key] = false
    return false
  end
  if type(text) ~= 'string' or byte(text, 1) ~= 1 then return nil end
  local windows = byte(text, 22) or 0
  if windows == 0 or #text < 22 + 13 * windows then return nil end
  head = { unpack(formatOf(windows), text) }
  local start = 23 + 13 * windows
  for w = 6, 6 * windows, 6 do
    if not SLICE[head[w + 3]] then return nil end
    head[w + 4] = start
    start = start + head[w + 2] * (4 + head[w + 3])
  end
  if start ~= #text + 1 then return nil end
  heads[key] = head
  return head
end

-- Drops what has left its window. A counter whose last admission has left its longest window is none. Returns its head, or
-- false, and its longest window.
local function expire(key, head, now)
  local text, base, longest = texts[key], head[3], 0
  for w = 6, 6 * head[5], 6 do
    local windowMs, slices = head[w], head[w + 2]
    if windowMs > longest then longest = windowMs end
    if slices > 0 then
      local left, start, costBytes = now - windowMs - base, head[w + 4], head[w + 3]
      local sliceAt, cost = unpack(SLICE[costBytes], text, start)
      if sliceAt <= left then
        local used = head[w + 1]
        repeat
          used, slices, start = used - cost, slices - 1, start + 4 + costBytes
          if slices == 0 then break end
          sliceAt, cost = unpack(SLICE[costBytes], text, start)
        until sliceAt > left
        head[w + 1], head[w + 2], head[w + 4] = used, slices, start
      end
      head[w + 5] = sliceAt
    end
  end
  if base + head[4] + longest > now then return head, longest end
  heads[key] = false
  return false
end

-- How long a counter is kept after its latest admission: an eighth longer than that counts, so that its expiry need not be
-- set with each, but with the first in an eighth.
local function lastingOf(longest)
  return longest + floor(longest / 8)
end

-- Puts a head and the parts behind it, up to the nth, in place of what is there; it is not yet to be written.
local function replace(key, head, n)
  local windows = head[5]
  for w = 10, 6 * windows + 5, 6 do head[w], head[w + 1] = 0, 0 end
  parts[1] = pack(formatOf(windows), spread(head, 1, 5 + 6 * windows))
  texts[key] = concat(parts, '', 1, n)
  heads[key] = nil
end

-- The account's index learns of a key, until the latest instant at which it may still matter.
local function enter(key, index, ends)
  local account, life = KEYS[index], ends - clock
  local left = call('PTTL', account)
  call('ZADD', account, ends, sub(KEYS[key], #account + 2))
  if left ~= -2 then call('ZREMRANGEBYSCORE', account, '-inf', clock) end
  if left < life then call('PEXPIRE', account, life) end
end

local function register(key, index, base, longest)
  enter(key, index, base + math.min(3 * longest, MOST) + lastingOf(longest))
end

-- The slices of a window as they are, or with instants moved or costs in more bytes.
local function slicesOf(text, head, w, moved, costBytes)
  local start, format, stride = head[w + 4], SLICE[head[w + 3]], 4 + head[w + 3]
  local stop = start + head[w + 2] * stride
  if moved == 0 and costBytes == head[w + 3] then return sub(text, start, stop - 1) end
  local parts = {}
  for slice = start, stop - 1, stride do
    local sliceAt, cost = unpack(format, text, slice)
    parts[#parts + 1] = pack(SLICE[costBytes], sliceAt + moved, cost)
  end
  return concat(parts)
end

-- Records a charge in every window of a counter, by the slices of the shape's quotas; those behind them have slices of their
-- own width. \`expire\` has dropped what has passed.
local function admit(key, head, shape, charged, now)
  local text, base, quotas, n = texts[key], head[3], ask[shape], 1
  local instant = now - base
  local later = instant > head[4]
  head[4] = instant
  for j = 1, head[5] do
    local w, sliceMs, maxSlices = 6 * j, nil, nil
    if j <= quotas then
      sliceMs, maxSlices = ask[shape + 4 * j - 1], ask[shape + 4 * j]
    else
      sliceMs, maxSlices = math.ceil(head[w] / SPARE_SLICES), SPARE_SLICES + 1
    end
    local used, count, costBytes = head[w + 1] + charged, head[w + 2], head[w + 3]
    if used > MOST then
      used, count = MOST, 1
      head[w + 3] = 4
      parts[n + 1], parts[n + 2] = '', pack('<I4I4', instant, MOST)
    else
      local stride, start = 4 + costBytes, head[w + 4]
      local stop, value, joins = start + count * stride, charged, false
      -- A slice of one ms is joined by its own instant alone, and none is later than the latest admission.
      if count > 0 and not (later and sliceMs == 1 and count < maxSlices) then
        local newest, held = unpack(SLICE[costBytes], text, stop - stride)
        joins = newest == instant or count >= maxSlices or (sliceMs > 1
          and floor((base + newest) / sliceMs) == floor(now / sliceMs))
        if joins then
          value, stop = held + charged, stop - stride
        end
      end
      if value > 255 and (costBytes == 1 or value > 65535 and costBytes == 2) then
        costBytes = value > 65535 and 4 or 2
        head[w + 2] = joins and count - 1 or count
        parts[n + 1] = slicesOf(text, head, w, 0, costBytes)
        head[w + 3] = costBytes
      else
        parts[n + 1] = sub(text, start, stop - 1)
      end
      parts[n + 2] = pack(SLICE[costBytes], instant, value)
      if not joins then count = count + 1 end
    end
    head[w + 1], head[w + 2], n = used, count, n + 2
  end
  replace(key, head, n)
end

-- Begins a counter with a charge.
local function begin(key, index, shape, charged, now)
  local costBytes, quotas, longest = charged > 65535 and 4 or charged > 255 and 2 or 1, ask[shape], 0
  local head = { 1, births, now, 0, quotas }
  births = births + 1
  for q = 1, quotas do
    local windowMs, w = ask[shape + 4 * q - 2], 6 * q
    if windowMs > longest then longest = windowMs end
    head[w], head[w + 1], head[w + 2], head[w + 3] = windowMs, charged, 1, costBytes
    parts[q + 1] = pack(SLICE[costBytes], 0, charged)
  end
  replace(key, head, quotas + 1)
  register(key, index, now, longest)
  lives[key] = now + lastingOf(longest) - clock
end
`;
