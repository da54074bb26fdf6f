import { quotasOf, windowMsOf } from './fields.js';

/**
 * The part of the charge script that makes a counter's windows those that are asked for, and moves its base. It runs
 * rarely, since the windows of a counter seldom change.
 */
export const ARRANGING: string = `
-- Moves the base, so that instants in ms after it fit in 32 bits.
local function rebase(key, head, base)
  local moved = head[3] - base
  for j = 1, head[5] do parts[j + 1] = slicesOf(texts[key], head, 6 * j, moved, head[6 * j + 3]) end
  head[3], head[4] = base, head[4] + moved
  replace(key, head, head[5] + 1)
  return load(key)
end

-- Whether the windows begin with those of the shape, and none behind them is empty.
local function fits(head, shape)
  local quotas, windows = ${quotasOf('shape')}, head[5]
  if windows < quotas then return false end
  for q = 1, quotas do
    if head[6 * q] ~= ${windowMsOf('shape', 'q')} then return false end
  end
  for w = 6 + 6 * quotas, 6 * windows, 6 do
    if head[w + 1] == 0 then return false end
  end
  return true
end

-- Arranges the windows for the shape: those that it asks for, then others that still count, the longest first. A new
-- window begins with the slices of the narrowest longer one, else of the longest. When it is longer than all others the
-- counter gets a new birth, since a refund cannot find what the new window lacks. Returns the head, whether the longest
-- window has grown, and by place of each window that is longer than all others the length of the one it begins with.
local function arrange(key, head, shape, now)
  local text, quotas, lengths, known, asked, longest = texts[key], ${quotasOf('shape')}, {}, {}, {}, 0
  for q = 1, quotas do
    lengths[q] = ${windowMsOf('shape', 'q')}
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
  local arranged, grown, sources = { head[1], head[2], head[3], head[4], #lengths }, false, nil
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
        local sliceAt, cost = read(format, text, start - stride)
        if head[3] + sliceAt <= now - windowMs then break end
        used, count, start = used + cost, count + 1, start - stride
      end
    end
    local a = 6 * l
    if windowMs > longest then
      grown, sources = true, sources or {}
      sources[a] = longest
    end
    arranged[a], arranged[a + 1], arranged[a + 2], arranged[a + 3], arranged[a + 4], arranged[a + 5] =
      windowMs, used, count, head[w + 3], 0, 0
    parts[l + 1] = sub(text, start, start + count * (4 + head[w + 3]) - 1)
  end
  if grown then
    arranged[2] = births
    births = births + 1
  end
  replace(key, arranged, #lengths + 1)
  head = expire(key, load(key), now)
  return head, grown, sources
end
`;
