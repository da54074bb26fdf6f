/**
 * Plain layouts, to compare the store's own with: charges of cost 1 on two quotas, without refunds, coarse slices or
 * changes of quotas. KEYS: the keys of one counter. ARGV: limit and windowMs of each quota.
 */

/** One list of instants for each quota. */
export const LISTS: string = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for quota = 1, 2 do
  local key, limit, windowMs = KEYS[quota], tonumber(ARGV[2 * quota - 1]), tonumber(ARGV[2 * quota])
  local oldest = redis.call('LINDEX', key, 0)
  while oldest and tonumber(oldest) <= now - windowMs do
    redis.call('LPOP', key)
    oldest = redis.call('LINDEX', key, 0)
  end
  if redis.call('LLEN', key) >= limit then return {0, tonumber(oldest) + windowMs - now} end
end
for quota = 1, 2 do
  redis.call('RPUSH', KEYS[quota], now)
  redis.call('PEXPIRE', KEYS[quota], ARGV[2 * quota])
end
return {1, 0}
`;

/** One string: the head and length of a ring for each quota, then the rings, with room for `limit` instants each. */
export const RINGS: string = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local key, state = KEYS[1], redis.call('GETRANGE', KEYS[1], 0, 7)
if state == '' then state = string.rep('\\0', 8) end
local head1, count1, head2, count2 = struct.unpack('<I2I2I2I2', state)
local heads, counts, starts = {head1, head2}, {count1, count2}, {8, 8 + 8 * ARGV[1]}
for quota = 1, 2 do
  local limit, windowMs = tonumber(ARGV[2 * quota - 1]), tonumber(ARGV[2 * quota])
  local head, count, oldest = heads[quota], counts[quota], 0
  while count > 0 do
    local offset = starts[quota] + 8 * head
    oldest = struct.unpack('<d', redis.call('GETRANGE', key, offset, offset + 7))
    if oldest > now - windowMs then break end
    head, count = (head + 1) % limit, count - 1
  end
  if count >= limit then return {0, oldest + windowMs - now} end
  heads[quota], counts[quota] = head, count
end
for quota = 1, 2 do
  local index = (heads[quota] + counts[quota]) % ARGV[2 * quota - 1]
  redis.call('SETRANGE', key, starts[quota] + 8 * index, struct.pack('<d', now))
  counts[quota] = counts[quota] + 1
end
redis.call('SETRANGE', key, 0, struct.pack('<I2I2I2I2', heads[1], counts[1], heads[2], counts[2]))
redis.call('PEXPIRE', key, math.max(ARGV[2], ARGV[4]))
return {1, 0}
`;

/** Fixed windows: two counters that start again at the edge of a window, and admit a double burst across it. */
export const FIXED_WINDOWS: string = `
for quota = 1, 2 do
  local used = redis.call('INCR', KEYS[quota])
  if used == 1 then redis.call('PEXPIRE', KEYS[quota], ARGV[2 * quota]) end
  if used > tonumber(ARGV[2 * quota - 1]) then return {0, redis.call('PTTL', KEYS[quota])} end
end
return {1, 0}
`;
