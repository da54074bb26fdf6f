/** The part of the charge script that decides charges and peeks: `kind` 0 and 1. */
export const CONSUME_OPERATION: string = `
    -- Does it fit, how often, and how do the quotas stand?
    local admitted, before, grown, lefts, rooms = kind == 1 and 1 or times, nil, nil, nil, nil
    local answer = size + 3
    size = answer + (at - first) / 4
    for c = first, at - 1, 4 do
      local key, shape, left = ask[c], ask[c + 2], 0
      local head, quotas = heads[key], ask[shape]
      if ask[c + 3] > 0 then
        local record = records[ask[c + 3]]
        if record and record[1] > now then left = record[1] - now end
        lefts, rooms = lefts or {}, rooms or {}
        lefts[c], rooms[c] = left, math.huge
      end
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
      for q = 1, quotas do
        local used, reset, limit = 0, 0, left > 0 and ask[shape + 4 * quotas + q] or ask[shape + 4 * q - 3]
        if head then
          local w = 6 * q
          used = head[w + 1]
          if used > 0 and used <= limit and left == 0 then reset = head[3] + head[w + 5] + head[w] - now end
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

    if kind == 0 and admitted > 0 then
      local charged, quotaAt = admitted * cost, answer + (at - first) / 4
      for c = first, at - 1, 4 do
        local key, shape, left = ask[c], ask[c + 2], lefts and lefts[c] or 0
        local quotas, head = ask[shape], heads[key]
        if head then
          local longest = 0
          for w = 6, 6 * head[5], 6 do
            if head[w] > longest then longest = head[w] end
          end
          if now - head[3] > math.min(3 * longest, MOST) then
            head = rebase(key, head, now - longest)
            register(key, ask[c + 1], head[3], longest)
          elseif grown and grown[key] then
            register(key, ask[c + 1], head[3], longest)
          end
          admit(key, head, shape, quotas, charged, now)
          for q = 1, quotas do
            if head[6 * q + 2] == 1 then reply[quotaAt + 2 * q] = soonest(shape, q, head[6 * q], left) end
          end
          lives[key] = now + lastingOf(longest) - clock
        else
          begin(key, ask[c + 1], shape, quotas, charged, now)
          for q = 1, quotas do
            reply[quotaAt + 2 * q] = soonest(shape, q, ask[shape + 4 * q - 2], left)
          end
        end
        quotaAt = quotaAt + 2 * quotas
      end
    end

    local after, counted, began = lefts, {}, false
    if lefts and kind == 0 and admitted < times then
      after = {}
      for c = first, at - 1, 4 do
        if lefts[c] then
          after[c] = lefts[c]
          if rooms[c] <= admitted then
            local left, begins, violations = violate(ask[c + 3], ask[c + 1], ask[c + 2], times - admitted, now)
            after[c], counted[c], began = begins and -left or left, violations, began or begins
          end
        end
      end
    end

    local wait = 0
    if admitted < times or kind == 1 and admitted == 0 then
      for c = first, at - 1, 4 do
        local left = after and after[c] and math.abs(after[c]) or 0
        wait = math.max(wait, waitOf(ask[c], load(ask[c]), ask[c + 2], cost, now, left))
      end
      if wait == math.huge then wait = -1 end
    end
    reply[answer - 2], reply[answer - 1], reply[answer] = now, admitted, wait
    for c = first, at - 1, 4 do
      local text = texts[ask[c]]
      answer = answer + 1
      reply[answer] = text and heads[ask[c]] ~= false and unpack('<d', text, 2) or 0
    end
    if lefts then
      for c = first, at - 1, 4 do
        if lefts[c] then
          reply[size + 1], reply[size + 2], reply[size + 3], size = lefts[c], after[c], counted[c] or 0, size + 3
        end
      end
    end
    if began then
      for c = first, at - 1, 4 do
        local key, shape = ask[c], ask[c + 2]
        local head, left = load(key), math.abs(after[c] or 0)
        for q = 1, ask[shape] do
          size = size + 1
          reply[size] = growthOf(key, head, shape, q, head and head[6 * q + 1] or 0, now, left)
        end
      end
    end
    -- Nothing was recorded: what has passed by this instant may yet count for another charge, if the clock has stepped back.
    if kind == 1 or admitted == 0 then
      for c = first, at - 1, 4 do heads[ask[c]] = nil end
      for key, text in pairs(before or {}) do texts[key] = text end
    end
`;

/** When there is room again. */
export const WAIT: string = `
-- Ms until so many units more fit under a limit: how long the oldest slices have yet to count.
local function fitsIn(key, head, q, limit, units, now)
  if units > limit then return math.huge end
  local w = 6 * q
  local excess = head and head[w + 1] + units - limit or 0
  if excess <= 0 then return 0 end
  local slice, format, stride, sliceAt, freed = head[w + 4], SLICE[head[w + 3]], 4 + head[w + 3], 0, 0
  repeat
    sliceAt, freed = unpack(format, texts[key], slice)
    excess, slice = excess - freed, slice + stride
  until excess <= 0
  return head[3] + sliceAt + head[w] - now
end

-- The same for a quota whose limit is shrunk for \`left\` ms yet, or is not.
local function roomIn(key, head, shape, q, units, now, left)
  local full = fitsIn(key, head, q, ask[shape + 4 * q - 3], units, now)
  if left == 0 then return full end
  return math.min(fitsIn(key, head, q, ask[shape + 4 * ask[shape] + q], units, now), math.max(left, full))
end

-- Ms until a charge fits in every quota of a counter.
local function waitOf(key, head, shape, cost, now, left)
  local wait = 0
  for q = 1, ask[shape] do wait = math.max(wait, roomIn(key, head, shape, q, cost, now, left)) end
  return wait
end

-- Ms until a quota has more room than now, 0 for never.
local function growthOf(key, head, shape, q, used, now, left)
  local limit = left > 0 and ask[shape + 4 * ask[shape] + q] or ask[shape + 4 * q - 3]
  local grows = roomIn(key, head, shape, q, math.max(0, limit - used) + 1, now, left)
  return grows == math.huge and 0 or grows
end

-- When room grows that waits for its only slice to leave, or for its limit to be whole again.
local function soonest(shape, q, windowMs, left)
  local shrinks = left > 0 and ask[shape + 4 * ask[shape] + q] < ask[shape + 4 * q - 3]
  return shrinks and math.min(windowMs, left) or windowMs
end
`;
