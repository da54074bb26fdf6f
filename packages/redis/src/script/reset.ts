/**
 * Forgets counters, and the index of their account knows of it in the same step.
 *
 * Redis 6.2 and later, Valkey 7.2 and later.
 *
 * KEYS[1]: the account's index. KEYS[2…]: counters of that account.
 *
 * The reply is how many of them were there. The index goes with its last entry.
 */
export const RESET_SCRIPT: string = `
local forgotten = 0
for key = 2, #KEYS do
  forgotten = forgotten + redis.call('DEL', KEYS[key])
  redis.call('ZREM', KEYS[1], string.sub(KEYS[key], #KEYS[1] + 2))
end
return forgotten
`;
