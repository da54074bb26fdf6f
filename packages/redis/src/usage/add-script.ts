/**
 * Adds the counts of a process to the days of accounts. Each entry is added whole or not at all. An entry that fails
 * does not affect the others.
 *
 * Redis 6.2 and later, Valkey 7.2 and later. All keys lie in one hash slot on a cluster.
 *
 * KEYS: two for each entry. The first is the account's day, a hash. Its field `hour:category` has the minutes of the
 * hour, each a space and `minute,admitted,refused,wouldRefuse,peak`; its field `hour` has the number of categories in
 * that hour. Its field `c` and `hour:category` has the minutes of the hour with corrections, each a space and
 * `minute,corrections,refundedUnits,debitedUnits`; a process that reads requests alone ignores it. The second key has
 * the requests of the minute's seconds, 60 numbers of 32 bits, and behind them the number of additions to it.
 *
 * ARGV[1]: the most categories of an hour. Others are added to the category with the empty name. ARGV[2]: how long the
 * seconds are kept, in s. Then for each entry: the hour, the category, the minute of the hour, admitted, refused,
 * wouldRefuse, corrections, the units that they took back and those that they added, when the day expires in s since
 * the epoch, and the number of seconds that follow. Each second has `INCRBY`, `u32`, its place from `#0` to `#59`, and
 * its requests.
 *
 * The reply lists the entries that failed, by their place from 1, each followed by its error.
 */
export const ADD_SCRIPT: string = `
local maxCategories, secondsLifeS = tonumber(ARGV[1]), tonumber(ARGV[2])
local failed, cursor = {}, 3
-- A process reads numbers up to this one exactly.
local MAX_UNITS = 9007199254740991

local function errorOf(reply)
  return type(reply) == 'table' and reply.err
end

for place = 1, #KEYS / 2 do
  local day, seconds = KEYS[2 * place - 1], KEYS[2 * place]
  local hour, category, minute, admitted, refused, wouldRefuse, corrections, refunded, debited, expiresAtS, count =
    unpack(ARGV, cursor, cursor + 10)
  admitted, refused, wouldRefuse = tonumber(admitted), tonumber(refused), tonumber(wouldRefuse)
  corrections, refunded, debited = tonumber(corrections), tonumber(refunded), tonumber(debited)
  local first = cursor + 11
  cursor = first + 4 * tonumber(count)

  local field = hour .. ':' .. category
  local minutes = redis.pcall('HGET', day, field)
  local problem = errorOf(minutes)
  -- Whether this entry creates the field.
  local isNew = minutes == false
  if isNew and category ~= '' and (tonumber(redis.call('HGET', day, hour)) or 0) >= maxCategories then
    field = hour .. ':'
    minutes = redis.call('HGET', day, field)
    isNew = false
  end

  local peak = 0
  if not problem then
    -- The first write: where Redis accepts no writes, it fails, and nothing of the entry is added.
    local sums =
      redis.pcall('BITFIELD', seconds, 'OVERFLOW', 'SAT', 'INCRBY', 'u32', '#60', '1', unpack(ARGV, first, cursor - 1))
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
      -- An error from here on would make the caller count the entries before this one as failed too.
      redis.pcall('HINCRBY', day, hour, 1)
      redis.call('EXPIREAT', day, expiresAtS)
    end
    if corrections > 0 then
      field = 'c' .. field
      local corrected = redis.call('HGET', day, field) or ''
      local from, to, oldCorrections, oldRefunded, oldDebited =
        string.find(corrected, ' ' .. minute .. ',(%d+),(%d+),(%d+)')
      if from then
        corrections = corrections + oldCorrections
        refunded, debited = refunded + oldRefunded, debited + oldDebited
      else
        from, to = #corrected + 1, #corrected
      end
      refunded, debited = math.min(refunded, MAX_UNITS), math.min(debited, MAX_UNITS)
      local sum = string.format(' %s,%.0f,%.0f,%.0f', minute, corrections, refunded, debited)
      redis.call('HSET', day, field, string.sub(corrected, 1, from - 1) .. sum .. string.sub(corrected, to + 1))
    end
  end
end
return failed
`;
