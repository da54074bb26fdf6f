/**
 * Makes one change of the limits: counts the version up, writes, logs and publishes, in one atomic step.
 *
 * Redis 6.2 and later, Valkey 7.2 and later. The two keys lie in one hash slot on a cluster.
 *
 * KEYS[1]: the limits, a hash of texts. An encoded account has `{"version":…,"at":…` and then the rest, and so has
 * `!suspension` while limiting is suspended. `!version` has the number of the latest change, a space, and its token.
 * KEYS[2]: the log, a list of texts, the newest first: `{"version":…,"token":…,"at":…,"change":…` and then the rest.
 *
 * ARGV[1]: `set`, `deleted`, `suspended` or `resumed`.
 * ARGV[2]: the field. ARGV[3]: the rest of the text, from its comma on, without the last brace.
 * ARGV[4]: a token that no other change has. Version numbers can repeat after Redis has lost changes; tokens do not.
 * ARGV[5]: the version that the field must have, 0 if the field must not exist, empty if that does not matter.
 * ARGV[6]: the channel. ARGV[7]: the most changes in the log.
 *
 * The reply is one of
 *
 *     {1, version, at}     done; at in ms since the epoch
 *     {0}                  there is nothing to delete, or to resume although the keys are not empty
 *     {2, version}         the field has another version than it must have, -1 for a text without one
 */
export const CHANGE_SCRIPT: string = `
local change, field, rest, token = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
-- A log of another type is an error here, before anything is written.
redis.call('LLEN', KEYS[2])
local stored = redis.call('HGET', KEYS[1], field)
local present = stored and (tonumber(string.match(stored, '^{"version":(%d+)')) or -1) or 0
if ARGV[5] ~= '' and tonumber(ARGV[5]) ~= present then return { 2, present } end
local removes = change == 'deleted' or change == 'resumed'
local latest, version = redis.call('HGET', KEYS[1], '!version'), 1
-- Where Redis has lost everything, processes may still have a suspension, and need the message that it has ended.
if removes and not stored and (latest or change == 'deleted') then return { 0 } end

if latest then
  local number = tonumber(string.match(latest, '^(%d+) '))
  if not number then return redis.error_reply('TOLLGATE the version of the limits is not a number') end
  version = number + 1
end
local time = redis.call('TIME')
local at = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local number = string.format('%.0f', version)

if removes then
  redis.call('HDEL', KEYS[1], field)
else
  redis.call('HSET', KEYS[1], field, '{"version":' .. number .. ',"at":' .. at .. rest .. '}')
end
redis.call('HSET', KEYS[1], '!version', number .. ' ' .. token)
redis.call('LPUSH', KEYS[2], '{"version":' .. number .. ',"token":"' .. token .. '","at":' .. at
  .. ',"change":"' .. change .. '"' .. rest .. '}')
redis.call('LTRIM', KEYS[2], 0, tonumber(ARGV[7]) - 1)
-- Without the right to publish, the change is found a little later.
redis.pcall('PUBLISH', ARGV[6], number)
return { 1, version, tonumber(at) }
`;
