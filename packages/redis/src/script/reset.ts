/**
 * Deletes counters, and their entries in the account's index in the same step.
 *
 * Redis 6.2 and later, Valkey 7.2 and later.
 *
 * KEYS[1]: the account's index. KEYS[2…]: counters of that account.
 *
 * The reply is the number of keys that existed. The index disappears with its last entry.
 */
export const RESET_SCRIPT: string = `
local deleted = 0
for key = 2, #KEYS do
  deleted = deleted + redis.call('DEL', KEYS[key])
  redis.call('ZREM', KEYS[1], string.sub(KEYS[key], #KEYS[1] + 2))
end
return deleted
`;
