/** The part of the charge script that decides charges and peeks: `kind` 0 and 1. */
export const CONSUME_OPERATION: string = `
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
`;

/** How long a refused charge has to wait. */
export const WAIT: string = `
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
`;
