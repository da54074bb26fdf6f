/**
 * Deletes counters, and their entries in the account's index in the same step.
 *
 * Redis 6.2 and later, Valkey 7.2 and later.
 *
 * KEYS[1]: the account's index. KEYS[2…]: keys of that account: counters, violations, or the index itself.
 *
 * The reply is the number of keys that existed. The index disappears with its last entry. An index that holds something
 * else has no entries, and that does not keep a counter from being deleted.
 */
export const RESET_SCRIPT: string = `
local deleted = 0
for key = 2, #KEYS do
  deleted = deleted + redis.call('DEL', KEYS[key])
  redis.pcall('ZREM', KEYS[1], string.sub(KEYS[key], #KEYS[1] + 2))
end
return deleted
`;

/**
 * Finds keys of an account whose index cannot be read, in one part of all keys.
 *
 * Redis 6.2 and later, Valkey 7.2 and later. On a cluster it reads the node of the account.
 *
 * KEYS[1]: the account's index. ARGV[1]: the cursor, 0 for the first part. ARGV[2]: about how many keys to read.
 *
 * The reply is the cursor of the next part, 0 after the last, and then the end of each key behind the index.
 */
export const FIND_SCRIPT: string = `
local start = KEYS[1] .. ':'
local pattern = string.gsub(start, '[%*%?%[%]%^\\\\]', '\\\\%0') .. '*'
local part = redis.call('SCAN', ARGV[1], 'MATCH', pattern, 'COUNT', ARGV[2])
local reply = { part[1] }
for _, key in ipairs(part[2]) do reply[#reply + 1] = string.sub(key, #start) end
return reply
`;
