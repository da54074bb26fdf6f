/**
 * Decides which accounts of a day have keys of their own, so that a client that invents accounts cannot fill Redis. A
 * day has a bounded number of them. Beyond it, a new account takes the place of the least used one with the probability
 * `requests / (least + requests)`, and is counted as used as often as both together. So the busy ones stay, whatever
 * the number of others, and one that becomes busy gets in (randomized admission: Ben Basat et al., 2017).
 *
 * Redis 6.2 and later, Valkey 7.2 and later.
 *
 * KEYS[1]: a sorted set of the accounts of a day, by their requests.
 *
 * ARGV[1]: the most accounts. ARGV[2]: when the set expires, in s since the epoch. Then for each account its name, its
 * requests, and a random number from 0 to below 1, as a server gives each run of a script the same ones.
 *
 * The reply has the number of given names that have no place in the end, those names, and then other names that have
 * lost theirs.
 */
export const ACCOUNTS_SCRIPT: string = `
local known, most = KEYS[1], tonumber(ARGV[1])
local size, given, evicted = redis.call('ZCARD', known), {}, {}
for at = 3, #ARGV, 3 do
  local name, requests = ARGV[at], tonumber(ARGV[at + 1])
  given[name] = true
  if size < most or redis.call('ZSCORE', known, name) then
    redis.call('ZINCRBY', known, requests, name)
    if size < most then size = redis.call('ZCARD', known) end
  else
    local least = redis.call('ZRANGE', known, 0, 0, 'WITHSCORES')
    local score = tonumber(least[2])
    if tonumber(ARGV[at + 2]) < requests / (score + requests) then
      redis.call('ZREM', known, least[1])
      redis.call('ZADD', known, score + requests, name)
      evicted[least[1]] = true
    end
  end
end
redis.call('EXPIREAT', known, ARGV[2])

local reply = { 0 }
if size < most then return reply end
for at = 3, #ARGV, 3 do
  local name = ARGV[at]
  if not redis.call('ZSCORE', known, name) then
    reply[1] = reply[1] + 1
    reply[#reply + 1] = name
  end
end
for name in pairs(evicted) do
  if not given[name] or not redis.call('ZSCORE', known, name) then reply[#reply + 1] = name end
end
return reply
`;

/**
 * Takes the day of an account that has lost its place.
 *
 * KEYS[1]: the account's day. The reply is what the hash had, as of \`HGETALL\`.
 */
export const TAKE_SCRIPT: string = `
local day = redis.call('HGETALL', KEYS[1])
redis.call('DEL', KEYS[1])
return day
`;
