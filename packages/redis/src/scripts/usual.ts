/**
 * The part of the charge script that takes the usual charge: it fits, nothing is throttled or has violations, and each
 * counter is new or has just the windows that are asked for. Whatever else there is, it leaves to the rest of the script, and
 * has changed nothing then but what was read.
 */
export const USUAL_CHARGE: string = `
-- Whether the charge was taken.
local function usual(first, stop, times, cost)
  local now, charged = clock, times * cost
  for c = first, stop, 4 do
    local own, head = ask[c + 3], load(ask[c])
    if head == nil or own > 0 and (texts[own] or call('EXISTS', KEYS[own]) == 1) then return false end
    if head and head[3] + head[4] > now then now = head[3] + head[4] end
  end

  local counters = (stop + 4 - first) / 4
  local answer = size + 4 + counters
  for c = first, stop, 4 do
    local key, shape = ask[c], shapes[ask[c + 2]]
    local head, quotas = heads[key], ask[shape]
    if head then
      head = expire(key, head, now)
      if not head or head[5] ~= quotas or now - head[3] > 3 * longests[shape] or now - head[3] > MOST then return false end
    end
    for q = 1, quotas do
      local limit, reset, used = ask[shape + 4 * q - 3], ask[shape + 4 * q - 2], 0
      if head then
        local w = 6 * q
        if head[w] ~= reset then return false end
        used = head[w + 1]
        if head[w + 2] > 0 then reset = head[3] + head[w + 5] + reset - now end
      end
      if used + charged > limit then return false end
      reply[answer + 1], reply[answer + 2], answer = used, reset, answer + 2
    end
  end

  reply[size + 1], reply[size + 2], reply[size + 3], reply[size + 4], size = 0, now, times, 0, size + 4
  answer = size + counters
  for c = first, stop, 4 do
    local key, shape = ask[c], shapes[ask[c + 2]]
    local head, quotas = heads[key], ask[shape]
    size = size + 1
    if head then
      local base, last, longest = head[3], head[4], longests[shape]
      reply[size] = head[2]
      admit(key, head, shape, charged, now)
      for q = 1, quotas do
        if head[6 * q + 2] == 1 then reply[answer + 2 * q] = head[6 * q] end
      end
      local eighth = floor(longest / 8)
      if floor((now - base) / eighth) ~= floor(last / eighth) then
        lives[key] = now + longest + eighth - clock
      else
        lives[key] = lives[key] or 0
      end
    else
      reply[size] = births
      begin(key, ask[c + 1], shape, charged, now)
    end
    answer = answer + 2 * quotas
  end
  size = answer
  for c = first, stop, 4 do
    if ask[c + 3] > 0 then
      reply[size + 1], reply[size + 2], reply[size + 3], size = 0, 0, 0, size + 3
    end
  end
  return true
end
`;
