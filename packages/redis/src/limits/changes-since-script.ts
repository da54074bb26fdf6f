/**
 * Finds what has changed in the limits since a version. Writes nothing. `change-script.ts` has the format.
 *
 * Redis 6.2 and later, Valkey 7.2 and later. The two keys lie in one hash slot on a cluster.
 *
 * KEYS[1]: the limits. KEYS[2]: the log.
 *
 * ARGV[1]: the number of the caller's version, 0 for none. ARGV[2]: its token.
 *
 * The reply is one of
 *
 *     {'none'}                        there is no version
 *     {'same'}                        the caller has the latest version
 *     {'changes', latest, entries}    the changes since then, the newest first
 *     {'all', latest}                 the log does not reach back that far, so the caller has to read all fields
 *
 * `latest` is the text of `!version`.
 */
export const CHANGES_SINCE_SCRIPT: string = `
local latest = redis.call('HGET', KEYS[1], '!version')
if not latest then return { 'none' } end
if latest == ARGV[1] .. ' ' .. ARGV[2] then return { 'same' } end
local number = tonumber(string.match(latest, '^(%d+) '))
if not number then return redis.error_reply('TOLLGATE the version of the limits is not a number') end
local behind = number - tonumber(ARGV[1])
if ARGV[1] ~= '0' and behind > 0 and behind < redis.call('LLEN', KEYS[2]) then
  local known = '{"version":' .. ARGV[1] .. ',"token":"' .. ARGV[2] .. '",'
  if string.sub(redis.call('LINDEX', KEYS[2], behind), 1, #known) == known then
    return { 'changes', latest, redis.call('LRANGE', KEYS[2], 0, behind - 1) }
  end
end
return { 'all', latest }
`;
