import { ADMIT, BEGIN, ENDS, ENTER, EXPIRE, LOAD, RAISE_UNLESS_ENTERED } from './counter.js';
import {
  costOf,
  indexOf,
  keyOf,
  limitOf,
  longestOf,
  quotasOf,
  shapeOf,
  spareOf,
  violationsOf,
  windowMsOf,
} from './fields.js';

/**
 * The fast path of the charge script. It takes a charge that fits, whose counters have no violations, and are new or
 * have exactly the windows that are asked for. Sets `taken`. If that is false, nothing has changed, and the charge is
 * decided by `operate`: so is every charge whose counters are ahead of the clock, or spoilt.
 */
export const USUAL_CHARGE: string = `
    local now, begins = clock, false
    taken = true
    for c = first, stop, 5 do
      local key, violations = ${keyOf('c')}, ${violationsOf('c')}
${LOAD}
      if head == nil or head and head[3] + head[4] > now or ${costOf('c')} == 0
        or violations > 0 and (texts[violations] or try('GET', KEYS[violations])) then
        taken = false
        break
      end
    end

    local answer = size + 4 + counters
    for c = first, taken and stop or 0, 5 do
      local key, shape, charged = ${keyOf('c')}, ${shapeOf('c')}, times * ${costOf('c')}
      local head, text, quotas = heads[key], texts[key], ${quotasOf('shape')}
      if head then
${EXPIRE}
        taken = sound and head and head[5] == quotas and now - base <= 3 * longest and now - base <= MOST
      else
        begins = true
      end
      for q = 1, quotas do
        local limit, reset, used = ${limitOf('shape', 'q')}, ${windowMsOf('shape', 'q')}, 0
        if head then
          local w = 6 * q
          taken = taken and head[w] == reset
          used = head[w + 1]
          if head[w + 2] > 0 then reset = head[3] + head[w + 5] + reset - now end
        end
        if not taken or used + charged > limit then
          taken = false
          break
        end
        reply[answer + 1], reply[answer + 2], answer = used, reset, answer + 2
      end
      if not taken then break end
    end

    -- The index comes first, since a charge that fails there must leave nothing in a counter.
    for c = first, taken and begins and stop or 0, 5 do
      local key, index, shape = ${keyOf('c')}, ${indexOf('c')}, ${shapeOf('c')}
      if not heads[key] then
        local longest = ${longestOf('shape')}
${ENDS}
${ENTER}
        taken = taken and entered
      end
    end

    if taken then
      reply[size + 1], reply[size + 2], reply[size + 3], reply[size + 4], size = 0, now, times, 0, size + 4
      answer = size + counters
      for c = first, stop, 5 do
        local key, shape, charged = ${keyOf('c')}, ${shapeOf('c')}, times * ${costOf('c')}
        local head, quotas = heads[key], ${quotasOf('shape')}
        size = size + 1
        if head then
          local longest, before = ${longestOf('shape')}, head[4]
          reply[size] = head[2]
${ADMIT}
          for q = 1, quotas do
            if head[6 * q + 2] == 1 then reply[answer + 2 * q] = head[6 * q] end
          end
          local eighth = floor(longest / 8)
          if floor(instant / eighth) ~= floor(before / eighth) then
            lives[key] = longest + eighth
            if ${spareOf('shape')} == 0 then
              local index, ends = ${indexOf('c')}, now + longest + eighth
${ENTER}${RAISE_UNLESS_ENTERED}
            end
          else
            lives[key] = lives[key] or 0
          end
        else
          reply[size] = births
${BEGIN}
        end
        answer = answer + 2 * quotas
      end
      size = answer
      for c = first, stop, 5 do
        if ${violationsOf('c')} > 0 then
          reply[size + 1], reply[size + 2], reply[size + 3], size = 0, 0, 0, size + 3
        end
      end
    end
`;
