/**
 * The part of the charge script that knows how a counter is written: reading it, dropping what has passed, arranging its
 * windows, writing it back. The header of `charge.ts` has the format.
 */
export const COUNTER: string = `
local MOST = 4294967295
local SPARE_SLICES = 128
local SLICE = { '<I4B', '<I4I2', false, '<I4I4' }

-- By key: the bytes; the head unpacked, {version, birth, base, last, windows, (windowMs, used, slices, costBytes, start,
-- oldest)*}, false for no counter; and the life in ms of what is to be written (0: as before). Counters are written at the
-- end, so that an error before it changes none.
local texts, heads, lives = {}, {}, {}

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

-- Drops what has left its window. A counter whose last admission has left its longest window is none.
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
  if base + head[4] + longest > now then return head end
  heads[key] = false
  return false
end

-- Puts a head and its slices, a list from its second place on, in place of what is there; it is not yet to be written.
local function replace(key, head, slices)
  local windows = head[5]
  for w = 10, 6 * windows + 5, 6 do head[w], head[w + 1] = 0, 0 end
  slices[1] = pack(formatOf(windows), spread(head, 1, 5 + 6 * windows))
  texts[key] = concat(slices)
  heads[key] = nil
end

-- The account's index learns of a key, until the latest instant at which it may still matter.
local function enter(key, index, ends)
  local account = KEYS[index]
  call('ZADD', account, ends, sub(KEYS[key], #account + 2))
  call('ZREMRANGEBYSCORE', account, '-inf', clock)
  if call('PTTL', account) < ends - clock then call('PEXPIRE', account, ends - clock) end
end

local function register(key, index, base, longest)
  enter(key, index, base + math.min(3 * longest, MOST) + longest)
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

-- Moves the base, so that instants in ms after it fit into 32 bits.
local function rebase(key, head, base)
  local moved, slices = head[3] - base, { '' }
  for w = 6, 6 * head[5], 6 do slices[#slices + 1] = slicesOf(texts[key], head, w, moved, head[w + 3]) end
  head[3], head[4] = base, head[4] + moved
  replace(key, head, slices)
  return load(key)
end

-- Whether the windows begin with those of the shape and hold nothing behind them that is empty.
local function fits(head, shape)
  local quotas, windows = ask[shape], head[5]
  if windows < quotas then return false end
  for q = 1, quotas do
    if head[6 * q] ~= ask[shape + 4 * q - 2] then return false end
  end
  for w = 6 + 6 * quotas, 6 * windows, 6 do
    if head[w + 1] == 0 then return false end
  end
  return true
end

-- Arranges the windows for the shape: those that it asks for, then others that still count, the longest first. One that is
-- asked for the first time begins with what the narrowest longer one knows, else the longest. The counter is begun anew for
-- refunds when one is longer than all before. Returns the head, and whether the longest has grown.
local function arrange(key, head, shape, now)
  local text, quotas, lengths, known, asked, longest = texts[key], ask[shape], {}, {}, {}, 0
  for q = 1, quotas do
    lengths[q] = ask[shape + 4 * q - 2]
    asked[lengths[q]] = true
  end
  local spare = {}
  for w = 6, 6 * head[5], 6 do
    known[head[w]] = w
    if head[w] > longest then longest = head[w] end
    if not asked[head[w]] and head[w + 1] > 0 then spare[#spare + 1] = head[w] end
  end
  table.sort(spare, function(a, b) return a > b end)
  for s = 1, #spare do
    if #lengths < 64 then lengths[#lengths + 1] = spare[s] end
  end
  local arranged, slices, grown = { head[1], head[2], head[3], head[4], #lengths }, { '' }, false
  for l = 1, #lengths do
    local windowMs = lengths[l]
    local w = known[windowMs]
    local used, count, start = 0, 0, 0
    if w then
      used, count, start = head[w + 1], head[w + 2], head[w + 4]
    else
      w = 6
      for other = 12, 6 * head[5], 6 do
        local candidate, best = head[other], head[w]
        if best < windowMs then
          if candidate > best then w = other end
        elseif candidate >= windowMs and candidate < best then
          w = other
        end
      end
      local format, stride = SLICE[head[w + 3]], 4 + head[w + 3]
      start = head[w + 4] + head[w + 2] * stride
      while start > head[w + 4] do
        local sliceAt, cost = unpack(format, text, start - stride)
        if head[3] + sliceAt <= now - windowMs then break end
        used, count, start = used + cost, count + 1, start - stride
      end
    end
    if windowMs > longest then grown = true end
    local a = 6 * l
    arranged[a], arranged[a + 1], arranged[a + 2], arranged[a + 3], arranged[a + 4], arranged[a + 5] =
      windowMs, used, count, head[w + 3], 0, 0
    slices[l + 1] = sub(text, start, start + count * (4 + head[w + 3]) - 1)
  end
  if grown then
    arranged[2] = births
    births = births + 1
  end
  replace(key, arranged, slices)
  return expire(key, load(key), now), grown
end
`;
