import { AGE, askIndex, FORGET } from './counter.js';
import {
  costOf,
  indexOf,
  keyOf,
  limitOf,
  longestOf,
  quotasOf,
  shapeOf,
  shrunkLimitOf,
  spareOf,
  violationsOf,
  windowMsOf,
} from './fields.js';

/** After an operation that recorded nothing. */
const RESTORE = `${FORGET}
      for key, text in pairs(before or {}) do texts[key] = text end`;

/** The part of the charge script that decides charges and peeks: `kind` 0 and 1. */
export const CONSUME_OPERATION: string = `
    -- How often does it fit, and how much do the quotas have? By counter: lefts has for how long it is throttled, and
    -- rooms how many of the charges it has room for, both only with a throttle; before has texts to restore, and grown
    -- whether the longest window has grown.
    local times = kind == 1 and 1 or detail
    local admitted, unchanged, before, grown, sources, lefts, rooms = times, -1, nil, nil, nil, nil, nil
    local answer = size + 3
    size = answer + counters
    for c = first, stop, 5 do
      local key, shape, cost, left = ${keyOf('c')}, ${shapeOf('c')}, ${costOf('c')}, 0
      local head, quotas = heads[key], ${quotasOf('shape')}
      if ${violationsOf('c')} > 0 then
        local record = records[${violationsOf('c')}]
        if record and record[1] > now then left = record[1] - now end
        lefts, rooms = lefts or {}, rooms or {}
        lefts[c], rooms[c] = left, math.huge
      end
      if head and not fits(head, shape) then
        -- A refusal does not store the arranged windows, so the next charge arranges the present ones again.
        for w = 6, 6 * head[5], 6 do
          local leaves = head[3] + head[w + 5] + head[w] - now
          if head[w + 1] > 0 and (unchanged < 0 or leaves < unchanged) then unchanged = leaves end
        end
        before = before or {}
        before[key] = texts[key]
        local longer, shorter
        head, longer, shorter = arrange(key, head, shape, now)
        if longer then
          grown, sources = grown or {}, sources or {}
          grown[key], sources[c] = true, shorter
        end
      end
      for q = 1, quotas do
        local used, reset, limit = 0, 0, ${limitOf('shape', 'q')}
        if left > 0 then limit = ${shrunkLimitOf('shape', 'q', 'quotas')} end
        if head then
          local w = 6 * q
          used = head[w + 1]
          if used > 0 then
            local leaves = head[3] + head[w + 5] + head[w] - now
            if unchanged < 0 or leaves < unchanged then unchanged = leaves end
            if used <= limit and left == 0 then reset = leaves end
          end
        end
        if used > limit or left > 0 then reset = growthOf(key, head, shape, q, used, now, left) end
        if cost > 0 then
          local room = math.max(0, floor((limit - used) / cost))
          if room < admitted then admitted = room end
          if rooms and rooms[c] and room < rooms[c] then rooms[c] = room end
        end
        reply[size + 1], reply[size + 2], size = used, reset, size + 2
      end
    end

    -- Where nothing is recorded, the counter keeps its windows: what a longer one would begin with leaves with them.
    local place = answer + counters
    for c = first, sources and stop or 0, 5 do
      local key, shape = ${keyOf('c')}, ${shapeOf('c')}
      local shorter = (kind == 1 or admitted == 0 or ${costOf('c')} == 0) and sources[c] or {}
      local head, left = heads[key], lefts and lefts[c] or 0
      for q = 1, ${quotasOf('shape')} do
        local w = 6 * q
        place = place + 2
        if head and shorter[w] then
          head[w] = shorter[w]
          reply[place] = (left > 0 or head[w + 1] > 0) and growthOf(key, head, shape, q, head[w + 1], now, left) or 0
        end
      end
    end

    local asked = 0
    for c = first, kind == 0 and stop or 0, 5 do
      local key, index = ${keyOf('c')}, ${indexOf('c')}
      local head, enters = heads[key], admitted < times and lefts and lefts[c]
      if not enters and admitted > 0 and ${costOf('c')} > 0 then
        enters = not head or grown and grown[key]
        if not enters then${AGE}
          enters = old
        end
      end
      if enters and index ~= asked then
        asked = index${askIndex('index')}
        if foreign then
          size = answer - 3
          reply[size] = 2 * counters + (c - first) / 5 + 1
${RESTORE}
          return
        end
      end
    end

    if kind == 0 and admitted > 0 then
      local quota = answer + counters
      for c = first, stop, 5 do
        local key, shape, left = ${keyOf('c')}, ${shapeOf('c')}, lefts and lefts[c] or 0
        local quotas, head, charged = ${quotasOf('shape')}, heads[key], admitted * ${costOf('c')}
        if charged == 0 then
          -- Its windows stay as they are.
        elseif head then
${AGE}
          if old then head = rebase(key, head, now - longest) end
          if old or grown and grown[key] or ${spareOf('shape')} == 0 then
            register(key, ${indexOf('c')}, head[3], longest, shape)
          end
          admit(key, head, shape, quotas, charged, now)
          for q = 1, quotas do
            if head[6 * q + 2] == 1 then reply[quota + 2 * q] = soonest(shape, q, head[6 * q], left) end
          end
          lives[key] = lastingOf(longest)
        else
          register(key, ${indexOf('c')}, now, ${longestOf('shape')}, shape)
          begin(key, shape, quotas, charged, now)
          for q = 1, quotas do
            reply[quota + 2 * q] = soonest(shape, q, ${windowMsOf('shape', 'q')}, left)
          end
        end
        for q = 1, charged > 0 and quotas or 0 do
          local windowMs = ${windowMsOf('shape', 'q')}
          if unchanged < 0 or windowMs < unchanged then unchanged = windowMs end
        end
        quota = quota + 2 * quotas
      end
    end

    local after, counted, began = lefts, {}, false
    if lefts and kind == 0 and admitted < times then
      after = {}
      for c = first, stop, 5 do
        if lefts[c] then
          after[c] = lefts[c]
          if rooms[c] <= admitted then
            local left, begins, violations =
              violate(${violationsOf('c')}, ${indexOf('c')}, ${shapeOf('c')}, times - admitted, now)
            after[c], counted[c], began = begins and -left or left, violations, began or begins
          end
        end
      end
    end

    local wait = 0
    if admitted < times then
      for c = first, stop, 5 do
        local key, cost, left = ${keyOf('c')}, ${costOf('c')}, after and after[c] and math.abs(after[c]) or 0
        if cost > 0 then wait = math.max(wait, waitOf(key, load(key), ${shapeOf('c')}, cost, now, left)) end
      end
      if wait == math.huge then wait = -1 end
    end
    reply[answer - 2], reply[answer - 1], reply[answer] = now, admitted, wait
    for c = first, stop, 5 do
      local text = texts[${keyOf('c')}]
      answer = answer + 1
      reply[answer] = text and heads[${keyOf('c')}] ~= false and read('<d', text, 2) or 0
    end
    if lefts then
      for c = first, stop, 5 do
        if lefts[c] then
          reply[size + 1], reply[size + 2], reply[size + 3], size = lefts[c], after[c], counted[c] or 0, size + 3
        end
      end
    end
    if began then
      for c = first, stop, 5 do
        local key, shape = ${keyOf('c')}, ${shapeOf('c')}
        local head, left = load(key), math.abs(after[c] or 0)
        for q = 1, ${quotasOf('shape')} do
          size = size + 1
          reply[size] = growthOf(key, head, shape, q, head and head[6 * q + 1] or 0, now, left)
        end
      end
    end
    if admitted < times then
      size = size + 1
      reply[size] = unchanged
    end
    for c = first, stop, 5 do
      local key = ${keyOf('c')}
      if kind == 1 or admitted == 0 or ${costOf('c')} == 0 then
        heads[key] = nil
        if before and before[key] then texts[key] = before[key] end
      end
    end
`;

/** Functions that work out when there is room. `left` is for how many ms the counter is throttled, 0 if it is not. */
export const WAIT: string = `
-- Ms until \`units\` more fit under a limit: until enough of the oldest slices have left. Once the newest has left, the
-- window is empty, even if its sum says otherwise.
local function fitsIn(key, head, q, limit, units, now)
  if units > limit then return math.huge end
  local w = 6 * q
  local excess = head and head[w + 1] + units - limit or 0
  if excess <= 0 then return 0 end
  local slice, format, stride, sliceAt, freed = head[w + 4], SLICE[head[w + 3]], 4 + head[w + 3], 0, 0
  local stop = slice + head[w + 2] * stride
  repeat
    sliceAt, freed = read(format, texts[key], slice)
    excess, slice = excess - freed, slice + stride
  until excess <= 0 or slice >= stop
  return head[3] + sliceAt + head[w] - now
end

-- Ms until \`units\` more fit in a quota: under its shrunk limit, or under its full limit after the throttling.
local function roomIn(key, head, shape, q, units, now, left)
  local full = fitsIn(key, head, q, ${limitOf('shape', 'q')}, units, now)
  if left == 0 then return full end
  return math.min(fitsIn(key, head, q, ${shrunkLimitOf('shape', 'q')}, units, now), math.max(left, full))
end

-- Ms until a charge fits in every quota of a counter.
local function waitOf(key, head, shape, cost, now, left)
  local wait = 0
  for q = 1, ${quotasOf('shape')} do wait = math.max(wait, roomIn(key, head, shape, q, cost, now, left)) end
  return wait
end

-- Ms until a quota has more room than now, 0 for never.
local function growthOf(key, head, shape, q, used, now, left)
  local limit = left > 0 and ${shrunkLimitOf('shape', 'q')} or ${limitOf('shape', 'q')}
  local grows = roomIn(key, head, shape, q, math.max(0, limit - used) + 1, now, left)
  return grows == math.huge and 0 or grows
end

-- Ms until the room of a quota with one slice grows: when the slice leaves, or when its limit is whole again.
local function soonest(shape, q, windowMs, left)
  local shrinks = left > 0 and ${shrunkLimitOf('shape', 'q')} < ${limitOf('shape', 'q')}
  return shrinks and math.min(windowMs, left) or windowMs
end
`;
