import { indexOf, keyOf, maxSlicesOf, quotasOf, shapeOf, sliceMsOf, windowMsOf } from './fields.js';

/** The part of the charge script that counts a cost that was admitted elsewhere: `kind` 3, `detail` is `agoMs`. */
export const RECORD_OPERATION: string = `
    local instant = now - detail
    for c = first, stop, 3 do
      local key, shape = ${keyOf('c')}, ${shapeOf('c')}
      local head, quotas, asked = heads[key], ${quotasOf('shape')}, 0
      for q = 1, quotas do asked = math.max(asked, ${windowMsOf('shape', 'q')}) end
      local longest, grown = 0, false
      -- After it is arranged, a counter may have nothing left that counts.
      if head and not fits(head, shape) then head, grown = arrange(key, head, shape, now) end
      if head or instant > now - asked then
        if not head then
          head, grown = { 1, births, instant, 0, quotas }, true
          births = births + 1
          for q = 1, quotas do
            local w = 6 * q
            head[w], head[w + 1], head[w + 2], head[w + 3] = ${windowMsOf('shape', 'q')}, 0, 0, 1
          end
          replace(key, head, 1)
          head = load(key)
        end
        local old
        old, longest = isOld(head, now)
        local early = instant < head[3] and instant > now - longest
        if early or old then
          head, grown = rebase(key, head, now - longest), true
        end
        if grown then register(key, ${indexOf('c')}, head[3], longest) end
        local base = head[3]
        for j = 1, head[5] do
          local w = 6 * j
          local sliceMs, maxSlices = math.ceil(head[w] / SPARE_SLICES), SPARE_SLICES + 1
          if j <= quotas then sliceMs, maxSlices = ${sliceMsOf('shape', 'j')}, ${maxSlicesOf('shape', 'j')} end
          if instant <= now - head[w] then
            parts[j + 1] = slicesOf(texts[key], head, w, 0, head[w + 3])
          elseif head[w + 1] + cost > MOST then
            head[w + 1], head[w + 2], head[w + 3] = MOST, 1, 4
            parts[j + 1] = pack('<I4I4', now - base, MOST)
          else
            local text, count = slicesOf(texts[key], head, w, 0, 4), head[w + 2]
            local place = 1 + 8 * count
            while place > 1 and base + read('<I4', text, place - 8) >= instant do place = place - 8 end
            local function cell(slice) return floor((base + read('<I4', text, slice)) / sliceMs) end
            local own = floor(instant / sliceMs)
            local function join(slice, newAt)
              local sliceAt, sum = read('<I4I4', text, slice)
              text = sub(text, 1, slice - 1) .. pack('<I4I4', newAt or sliceAt, sum + cost) .. sub(text, slice + 8)
            end
            if place <= 8 * count
              and (base + read('<I4', text, place) == instant or sliceMs > 1 and cell(place) == own) then
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
            parts[j + 1] = text
          end
        end
        -- Slices that have left by now are gone, so the counter's time must not go back before now.
        head[4] = now - base
        replace(key, head, head[5] + 1)
        lives[key] = lastingOf(longest)
      end
    end
`;
