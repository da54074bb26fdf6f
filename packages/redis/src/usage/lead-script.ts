/**
 * Adds names to the lists of one minute: those near their limits, and those refused. Removes the last ones of a full
 * list.
 *
 * Redis 6.2 and later, Valkey 7.2 and later. The three keys lie in one hash slot on a cluster.
 *
 * KEYS[1]: a sorted set of names by the largest used share of a limit. KEYS[2]: a hash with `used,limit,windowMs` of
 * each of those names. KEYS[3]: a sorted set of names by refused requests.
 *
 * ARGV[1]: the most names of a set. ARGV[2]: how long they are kept, in s. ARGV[3]: the number of names that follow for
 * the first set, each with its share and `used,limit,windowMs`. Then come the names for the third set, each with its
 * refused requests.
 *
 * The reply is the least share in the first set if that is full, else -1.
 */
export const LEAD_SCRIPT: string = `
local most, lifeS, count = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
for at = 4, 3 + 3 * count, 3 do
  local name, share = ARGV[at], ARGV[at + 1]
  local before = redis.call('ZSCORE', KEYS[1], name)
  if not before or tonumber(share) > tonumber(before) then
    redis.call('ZADD', KEYS[1], share, name)
    redis.call('HSET', KEYS[2], name, ARGV[at + 2])
  end
end
for at = 4 + 3 * count, #ARGV, 2 do
  redis.call('ZINCRBY', KEYS[3], ARGV[at + 1], ARGV[at])
end

local over = redis.call('ZCARD', KEYS[1]) - most
if over > 0 then
  for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, over - 1)) do
    redis.call('ZREM', KEYS[1], name)
    redis.call('HDEL', KEYS[2], name)
  end
end
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -most - 1)
for index = 1, 3 do redis.call('EXPIRE', KEYS[index], lifeS) end
if over < 0 then return '-1' end
return redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
`;
