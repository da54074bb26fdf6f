/**
 * Adds what a process has counted to the days of accounts. Each entry is added whole or not at all, and one that fails
 * leaves the others alone.
 *
 * Redis 6.2 and later, Valkey 7.2 and later. All keys lie in one hash slot on a cluster.
 *
 * KEYS: of each entry two. The first is the account's day, a hash: by `hour:category` the minutes of the hour, each a space and
 * `minute,admitted,refused,wouldRefuse,peak`; and by `hour` how many categories it has. The second has the requests of the
 * minute's seconds, 60 numbers of 32 bits, and behind them how often it was added to.
 *
 * ARGV[1]: how many categories of an hour are kept apart; further ones are added to the category with the empty name.
 * ARGV[2]: how long the seconds are kept, in s.
 * Then of each entry: the hour, the category, the minute of the hour, admitted, refused, wouldRefuse, when the day expires in s
 * since the epoch, and how many seconds follow; of each `INCRBY`, `u32`, its place from `#0` to `#59`, and its requests.
 *
 * The reply is the list of the entries that failed, by their place from 1, each followed by its error.
 */
export const ADD_SCRIPT: string = `
local maxCategories, secondsLifeS = tonumber(ARGV[1]), tonumber(ARGV[2])
local failed, at = {}, 3

local function errorOf(reply)
  return type(reply) == 'table' and reply.err
end

for place = 1, #KEYS / 2 do
  local day, seconds = KEYS[2 * place - 1], KEYS[2 * place]
  local hour, category, minute = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local admitted, refused, wouldRefuse = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local expiresAtS, count = tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7])
  local first = at + 8
  at = first + 4 * count

  local field = hour .. ':' .. category
  local minutes = redis.pcall('HGET', day, field)
  local problem = errorOf(minutes)
  -- A key that is begun begins with a field.
  local isNew = minutes == false
  if isNew and category ~= '' and (tonumber(redis.call('HGET', day, hour)) or 0) >= maxCategories then
    field = hour .. ':'
    minutes = redis.call('HGET', day, field)
    isNew = false
  end

  local peak = 0
  if not problem then
    -- The first that writes: where Redis takes no writes, nothing of the entry is added.
    local sums = redis.pcall('BITFIELD', seconds, 'OVERFLOW', 'SAT', 'INCRBY', 'u32', '#60', '1', unpack(ARGV, first, at - 1))
    problem = errorOf(sums)
    if not problem then
      if sums[1] == 1 then redis.call('EXPIRE', seconds, secondsLifeS) end
      for index = 2, #sums do
        if sums[index] > peak then peak = sums[index] end
      end
    end
  end

  if problem then
    failed[#failed + 1] = place
    failed[#failed + 1] = problem
  else
    minutes = minutes or ''
    local from, to, oldAdmitted, oldRefused, oldWouldRefuse, oldPeak =
      string.find(minutes, ' ' .. minute .. ',(%d+),(%d+),(%d+),(%d+)')
    if from then
      admitted, refused = admitted + oldAdmitted, refused + oldRefused
      wouldRefuse, peak = wouldRefuse + oldWouldRefuse, math.max(peak, tonumber(oldPeak))
    else
      from, to = #minutes + 1, #minutes
    end
    local sum = string.format(' %s,%.0f,%.0f,%.0f,%.0f', minute, admitted, refused, wouldRefuse, peak)
    redis.call('HSET', day, field, string.sub(minutes, 1, from - 1) .. sum .. string.sub(minutes, to + 1))
    if isNew then
      -- Not one error from here on, or the entries before would be taken for failed as well.
      redis.pcall('HINCRBY', day, hour, 1)
      redis.call('EXPIREAT', day, expiresAtS)
    end
  end
end
return failed
`;
