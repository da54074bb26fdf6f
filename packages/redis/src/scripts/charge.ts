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
 * The reply is a flat array of integers: the instant of the call in ms, then for each operation 0 to 2 (refunds: the
 * status alone)
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

local MOST = 4294967295
local SPARE_SLICES = 128
local SLICE = { '<I4B', '<I4I2', false, '<I4I4' }

-- By key: the bytes; the head unpacked, {version, birth, base, last, windows, (windowMs, used, slices, costBytes,
-- start, oldest)*},
-- false for no counter; and the life in ms of what is to be written (0: as before). All is written at the end, so that
-- an error before it changes nothing.
local texts, heads, lives = {}, {}, {}

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
  if windows == 2 then
    head = { unpack('<BddI4BI4I4I2BBBI4I4I2BBB', text) }
  else
    head = { unpack('<BddI4B' .. string.rep('I4I4I2BBB', windows), text) }
  end
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
  local format = windows == 2 and '<BddI4BI4I4I2BBBI4I4I2BBB' or '<BddI4B' .. string.rep('I4I4I2BBB', windows)
  slices[1] = pack(format, spread(head, 1, 5 + 6 * windows))
  texts[key] = concat(slices)
  heads[key] = nil
end

-- The account's index learns of the counter, until the latest instant at which it may still matter.
local function register(key, index, base, longest)
  local ends = base + math.min(3 * longest, MOST) + longest
  local account = KEYS[index]
  call('ZADD', account, ends, sub(KEYS[key], #account + 2))
  call('ZREMRANGEBYSCORE', account, '-inf', clock)
  if call('PTTL', account) < ends - clock then call('PEXPIRE', account, ends - clock) end
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

-- Ms until the cost fits: how long the oldest slices of each quota without room have yet to count.
local function waitOf(key, head, shape, cost, now)
  local wait = 0
  for q = 1, ask[shape] do
    local limit, w = ask[shape + 4 * q - 3], 6 * q
    if cost > limit then return -1 end
    local excess = head and head[w + 1] + cost - limit or 0
    if excess > 0 then
      local slice, format, stride, sliceAt, freed = head[w + 4], SLICE[head[w + 3]], 4 + head[w + 3], 0, 0
      repeat
        sliceAt, freed = unpack(format, texts[key], slice)
        excess, slice = excess - freed, slice + stride
      until excess <= 0
      wait = math.max(wait, head[3] + sliceAt + head[w] - now)
    end
  end
  return wait
end

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
  elseif kind < 2 then
    -- Does it fit, how often, and how do the quotas stand?
    local admitted, before, grown = kind == 1 and 1 or times, nil, nil
    local answer = size + 3
    size = answer + (at - first) / 3
    for c = first, at - 1, 3 do
      local key, shape = ask[c], shapes[ask[c + 2]]
      local head = heads[key]
      if head then head = expire(key, head, now) end
      if head and not fits(head, shape) then
        before = before or {}
        before[key] = texts[key]
        local longer
        head, longer = arrange(key, head, shape, now)
        if longer then
          grown = grown or {}
          grown[key] = true
        end
      end
      for q = 1, ask[shape] do
        local used, reset = 0, 0
        if head then
          local w = 6 * q
          used = head[w + 1]
          if used > 0 then reset = head[3] + head[w + 5] + head[w] - now end
        end
        if cost > 0 then
          local room = floor((ask[shape + 4 * q - 3] - used) / cost)
          if room < admitted then admitted = room > 0 and room or 0 end
        end
        reply[size + 1], reply[size + 2], size = used, reset, size + 2
      end
    end

    if kind == 0 and admitted > 0 then
      local charged, quotaAt = admitted * cost, answer + (at - first) / 3
      for c = first, at - 1, 3 do
        local key, shape = ask[c], shapes[ask[c + 2]]
        local quotas, head = ask[shape], heads[key]
        local slices, longest, n = { nil, nil, nil, nil, nil }, 0, 1
        if head then
          for w = 6, 6 * head[5], 6 do
            if head[w] > longest then longest = head[w] end
          end
          if now - head[3] > math.min(3 * longest, MOST) then
            head = rebase(key, head, now - longest)
            register(key, ask[c + 1], head[3], longest)
          elseif grown and grown[key] then
            register(key, ask[c + 1], head[3], longest)
          end
          local text, instant = texts[key], now - head[3]
          local later = instant > head[4]
          head[4] = instant
          for j = 1, head[5] do
            local w = 6 * j
            local sliceMs, maxSlices
            if j <= quotas then
              sliceMs, maxSlices = ask[shape + 4 * j - 1], ask[shape + 4 * j]
            else
              sliceMs, maxSlices = math.ceil(head[w] / SPARE_SLICES), SPARE_SLICES + 1
            end
            local used, count, costBytes = head[w + 1] + charged, head[w + 2], head[w + 3]
            if used > MOST then
              used, count = MOST, 1
              head[w + 3] = 4
              slices[n + 1], slices[n + 2], n = '', pack('<I4I4', instant, MOST), n + 2
            else
              local stride, start = 4 + costBytes, head[w + 4]
              local stop, value, joins = start + count * stride, charged, false
              -- A slice of one ms is joined by its own instant alone, and none is later than the latest admission.
              if count > 0 and not (later and sliceMs == 1 and count < maxSlices) then
                local newest, held = unpack(SLICE[costBytes], text, stop - stride)
                joins = newest == instant or count >= maxSlices or (sliceMs > 1
                  and floor((head[3] + newest) / sliceMs) == floor(now / sliceMs))
                if joins then
                  value, stop = held + charged, stop - stride
                end
              end
              if value > 255 and (costBytes == 1 or value > 65535 and costBytes == 2) then
                head[w + 2] = joins and count - 1 or count
                head[w + 3], costBytes = costBytes, value > 65535 and 4 or 2
                slices[n + 1], slices[n + 2], n = slicesOf(text, head, w, 0, costBytes), pack(SLICE[costBytes], instant, value), n + 2
                head[w + 3] = costBytes
              else
                slices[n + 1], slices[n + 2], n = sub(text, start, stop - 1), pack(SLICE[costBytes], instant, value), n + 2
              end
              if not joins then count = count + 1 end
            end
            head[w + 1], head[w + 2] = used, count
            if j <= quotas then
              if count == 1 then reply[quotaAt + 2] = head[w] end
              quotaAt = quotaAt + 2
            end
          end
        else
          local costBytes = charged > 65535 and 4 or charged > 255 and 2 or 1
          head = { 1, births, now, 0, quotas }
          births = births + 1
          for q = 1, quotas do
            local windowMs, w = ask[shape + 4 * q - 2], 6 * q
            if windowMs > longest then longest = windowMs end
            head[w], head[w + 1], head[w + 2], head[w + 3] = windowMs, charged, 1, costBytes
            slices[n + 1], n = pack(SLICE[costBytes], 0, charged), n + 1
            reply[quotaAt + 2] = windowMs
            quotaAt = quotaAt + 2
          end
          register(key, ask[c + 1], now, longest)
        end
        replace(key, head, slices)
        lives[key] = now + longest - clock
      end
    end

    local wait = 0
    if admitted < times or kind == 1 and admitted == 0 then
      for c = first, at - 1, 3 do
        local waited = waitOf(ask[c], load(ask[c]), shapes[ask[c + 2]], cost, now)
        if waited < 0 or wait < 0 then wait = -1 elseif waited > wait then wait = waited end
      end
    end
    reply[answer - 2], reply[answer - 1], reply[answer] = now, admitted, wait
    for c = first, at - 1, 3 do
      local text = texts[ask[c]]
      answer = answer + 1
      reply[answer] = text and heads[ask[c]] ~= false and unpack('<d', text, 2) or 0
    end
    if before and (kind == 1 or admitted == 0) then
      for key, text in pairs(before) do texts[key], heads[key] = text, nil end
    end
  elseif kind == 2 then
    for c = first, at - 1, 2 do
      local key = ask[c]
      local head = heads[key]
      if head then head = expire(key, head, now) end
      if head and head[2] == ask[c + 1] then
        local text, changed, slices = texts[key], false, { '' }
        for w = 6, 6 * head[5], 6 do
          local start, stride, format, count = head[w + 4], 4 + head[w + 3], SLICE[head[w + 3]], head[w + 2]
          local kept = sub(text, start, start + count * stride - 1)
          if head[w + 1] > 0 and head[w + 1] < MOST and times > now - head[w] then
            local slice = start + (count - 1) * stride
            while slice > start and head[3] + unpack('<I4', text, slice - stride) >= times do slice = slice - stride end
            local sliceAt, held = unpack(format, text, slice)
            if head[3] + sliceAt >= times then
              local taken = math.min(cost, held)
              changed = true
              head[w + 1] = head[w + 1] - taken
              local rest = taken < held and pack(format, sliceAt, held - taken) or ''
              if rest == '' then head[w + 2] = count - 1 end
              kept = sub(text, start, slice - 1) .. rest .. sub(text, slice + stride, start + count * stride - 1)
            end
          end
          slices[#slices + 1] = kept
        end
        if changed then
          replace(key, head, slices)
          lives[key] = lives[key] or 0
        else
          heads[key] = nil
        end
      end
    end
  else
    for c = first, at - 1, 3 do
      local key, shape = ask[c], shapes[ask[c + 2]]
      local head, quotas, instant, asked = heads[key], ask[shape], now - times, 0
      if head then head = expire(key, head, now) end
      for q = 1, quotas do asked = math.max(asked, ask[shape + 4 * q - 2]) end
      if head or instant > now - asked then
        local longest, grown = 0, false
        if head then
          if not fits(head, shape) then head, grown = arrange(key, head, shape, now) end
        else
          head, grown = { 1, births, instant, 0, quotas }, true
          births = births + 1
          for q = 1, quotas do
            local w = 6 * q
            head[w], head[w + 1], head[w + 2], head[w + 3] = ask[shape + 4 * q - 2], 0, 0, 1
          end
          replace(key, head, {})
          head = load(key)
        end
        for w = 6, 6 * head[5], 6 do longest = math.max(longest, head[w]) end
        if instant < head[3] or now - head[3] > math.min(3 * longest, MOST) then
          head, grown = rebase(key, head, math.min(instant, now - longest)), true
        end
        if grown then register(key, ask[c + 1], head[3], longest) end
        local base, slices = head[3], { '' }
        for j = 1, head[5] do
          local w = 6 * j
          local sliceMs, maxSlices = math.ceil(head[w] / SPARE_SLICES), SPARE_SLICES + 1
          if j <= quotas then sliceMs, maxSlices = ask[shape + 4 * j - 1], ask[shape + 4 * j] end
          if instant <= now - head[w] then
            slices[j + 1] = slicesOf(texts[key], head, w, 0, head[w + 3])
          elseif head[w + 1] + cost > MOST then
            head[w + 1], head[w + 2], head[w + 3] = MOST, 1, 4
            slices[j + 1] = pack('<I4I4', now - base, MOST)
          else
            local text, count = slicesOf(texts[key], head, w, 0, 4), head[w + 2]
            local place = 1 + 8 * count
            while place > 1 and base + unpack('<I4', text, place - 8) >= instant do place = place - 8 end
            local function cell(slice) return floor((base + unpack('<I4', text, slice)) / sliceMs) end
            local own = floor(instant / sliceMs)
            local function join(slice, newAt)
              local sliceAt, held = unpack('<I4I4', text, slice)
              text = sub(text, 1, slice - 1) .. pack('<I4I4', newAt or sliceAt, held + cost) .. sub(text, slice + 8)
            end
            if place <= 8 * count and (base + unpack('<I4', text, place) == instant or sliceMs > 1 and cell(place) == own) then
              join(place)
            elseif place > 1 and sliceMs > 1 and cell(place - 8) == own then
              join(place - 8, instant - base)
            elseif count > 0 and count >= maxSlices then
              if place <= 8 * count then join(place) else join(place - 8, instant - base) end
            else
              text = sub(text, 1, place - 1) .. pack('<I4I4', instant - base, cost) .. sub(text, place)
              head[w + 2] = count + 1
            end
            head[w + 1], head[w + 3] = head[w + 1] + cost, 4
            slices[j + 1] = text
          end
        end
        if instant - base > head[4] then head[4] = instant - base end
        local ends = base + head[4] + longest
        replace(key, head, slices)
        lives[key] = math.max(1, ends - clock)
      end
    end
  end
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
