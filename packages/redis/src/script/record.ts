import { AGE } from './counter.js';
import {
  indexOf,
  keyOf,
  longestOf,
  maxSlicesOf,
  quotasOf,
  recordedOf,
  shapeOf,
  sliceMsOf,
  spareOf,
  windowMsOf,
} from './fields.js';

/** The function that inserts a cost into a window by its instant. Only records make it. */
const INSERT = `
-- Adds a cost of the instant to the window w of the head, where it still counts. Returns the slices.
local function insert(text, head, w, cost, instant, now, sliceMs, maxSlices)
  local base, start, count, costBytes = head[3], head[w + 4], head[w + 2], head[w + 3]
  local stride, used = 4 + costBytes, head[w + 1] + cost
  local stop = start + count * stride
  if instant <= now - head[w] then return sub(text, start, stop - 1) end
  if used > MOST then
    head[w + 1], head[w + 2], head[w + 3] = MOST, 1, 4
    return pack('<I4I4', now - base, MOST)
  end
  head[w + 1] = used
  local function cell(sliceAt) return floor((base + sliceAt) / sliceMs) end
  local at, own = instant - base, floor(instant / sliceMs)
  local newest, sum = -1, 0
  if count > 0 then newest, sum = read(SLICE[costBytes], text, stop - stride) end

  -- It follows all others, as in nearly every record.
  if newest <= at then
    local joins = count > 0 and (newest == at or count >= maxSlices or sliceMs > 1 and cell(newest) == own)
    local value, kept = cost, count
    if joins then value, kept = sum + cost, count - 1 end
    local needed = value > 65535 and 4 or value > 255 and 2 or 1
    head[w + 2] = kept + 1
    if needed <= costBytes then return sub(text, start, start + kept * stride - 1) .. pack(SLICE[costBytes], at, value) end
    head[w + 2] = count
    local wider = sub(slicesOf(text, head, w, 0, needed), 1, kept * (4 + needed))
    head[w + 2], head[w + 3] = kept + 1, needed
    return wider .. pack(SLICE[needed], at, value)
  end

  local slices = slicesOf(text, head, w, 0, 4)
  head[w + 3] = 4
  local place = 1 + 8 * count
  while place > 1 and read('<I4', slices, place - 8) >= at do place = place - 8 end
  local function join(slice, newAt)
    local sliceAt, before = read('<I4I4', slices, slice)
    return sub(slices, 1, slice - 1) .. pack('<I4I4', newAt or sliceAt, before + cost) .. sub(slices, slice + 8)
  end
  local next = read('<I4', slices, place)
  if next == at or sliceMs > 1 and cell(next) == own then return join(place) end
  if place > 1 and sliceMs > 1 and cell(read('<I4', slices, place - 8)) == own then return join(place - 8, at) end
  if count >= maxSlices then return join(place) end
  head[w + 2] = count + 1
  return sub(slices, 1, place - 1) .. pack('<I4I4', at, cost) .. sub(slices, place)
end
`;

/**
 * The part of the charge script that counts a cost that was admitted elsewhere: `kind` 3, `detail` is `agoMs`. New
 * counters are in the index already.
 */
export const RECORD_OPERATION: string = `
${INSERT}
    local instant = now - detail
    for c = first, stop, 4 do
      local key, shape, cost = ${keyOf('c')}, ${shapeOf('c')}, ${recordedOf('c')}
      local head, quotas, asked, grown = heads[key], ${quotasOf('shape')}, ${longestOf('shape')}, false
      if head and not fits(head, shape) then
        head, grown = arrange(key, head, shape, now)
        -- Nothing is left that counts.
        if not head then register(key, ${indexOf('c')}, now, asked, shape) end
      end
      if head then
${AGE}
        if old or instant < head[3] and instant > now - longest then
          head, grown = rebase(key, head, now - longest), true
        end
        if grown or ${spareOf('shape')} == 0 then register(key, ${indexOf('c')}, head[3], longest, shape) end
        for j = 1, head[5] do
          local sliceMs, maxSlices = math.ceil(head[6 * j] / SPARE_SLICES), SPARE_SLICES + 1
          if j <= quotas then sliceMs, maxSlices = ${sliceMsOf('shape', 'j')}, ${maxSlicesOf('shape', 'j')} end
          parts[j + 1] = insert(texts[key], head, 6 * j, cost, instant, now, sliceMs, maxSlices)
        end
        -- Slices that have left by now are gone, so the counter's time must not go back before now.
        head[4] = now - head[3]
        replace(key, head, head[5] + 1)
        lives[key] = lastingOf(longest)
      elseif instant > now - asked then
        local costBytes = cost > 65535 and 4 or cost > 255 and 2 or 1
        head = { 1, births, instant, detail, quotas }
        births = births + 1
        for q = 1, quotas do
          local w, counts = 6 * q, instant > now - ${windowMsOf('shape', 'q')}
          head[w], head[w + 1], head[w + 2], head[w + 3] =
            ${windowMsOf('shape', 'q')}, counts and cost or 0, counts and 1 or 0, costBytes
          parts[q + 1] = counts and pack(SLICE[costBytes], 0, cost) or ''
        end
        replace(key, head, quotas + 1)
        lives[key] = lastingOf(asked)
      end
    end
`;
