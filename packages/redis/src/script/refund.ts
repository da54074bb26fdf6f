import { birthOf, keyOf, refundedOf } from './fields.js';

/** The part of the charge script that takes a cost back: `kind` 2, `detail` is the instant of its admission. */
export const REFUND_OPERATION: string = `
    local admittedAt = detail
    for c = first, stop, 3 do
      local key, cost = ${keyOf('c')}, ${refundedOf('c')}
      local head, longest = heads[key], 0
      -- Slices that have left their window stay until a charge removes them: if the clock steps back, they count again.
      if head then
        for w = 6, 6 * head[5], 6 do longest = math.max(longest, head[w]) end
        if head[3] + head[4] + longest <= now then head = false end
      end
      if head and head[2] == ${birthOf('c')} then
        local text, changed = texts[key], false
        for w = 6, 6 * head[5], 6 do
          local start, stride, format, count = head[w + 4], 4 + head[w + 3], SLICE[head[w + 3]], head[w + 2]
          local kept = sub(text, start, start + count * stride - 1)
          if head[w + 1] > 0 and head[w + 1] < MOST and count > 0 and admittedAt > now - head[w] then
            local slice = start + (count - 1) * stride
            while slice > start and head[3] + read('<I4', text, slice - stride) >= admittedAt do
              slice = slice - stride
            end
            local sliceAt, sum = read(format, text, slice)
            if head[3] + sliceAt >= admittedAt then
              local taken = math.min(cost, sum)
              changed = true
              head[w + 1] = math.max(0, head[w + 1] - taken)
              local remainder = taken < sum and pack(format, sliceAt, sum - taken) or ''
              if remainder == '' then head[w + 2] = count - 1 end
              kept = sub(text, start, slice - 1) .. remainder .. sub(text, slice + stride, start + count * stride - 1)
            end
          end
          parts[w / 6 + 1] = kept
        end
        if changed then
          replace(key, head, head[5] + 1)
          lives[key] = lives[key] or 0
        end
      end
    end
`;
