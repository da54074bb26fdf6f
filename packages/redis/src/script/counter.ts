import { keyOf, longestOf, maxSlicesOf, sliceMsOf, spareOf, windowMsOf } from './fields.js';

/**
 * What the charge script does with one counter, in pieces. The usual charge has them inline, since making a function
 * takes Redis longer than running most of them. The other operations call them as functions. Each piece names what it
 * reads and sets. The header of `charge.ts` has the format of a counter.
 */

/** The parameters of `makeOperate`. As upvalues, Redis would bind them in every call, needed or not. */
export const SHARED_NAMES: string =
  'ask, call, try, unpack, pack, read, sub, byte, floor, concat, clock, reply, ' +
  'texts, heads, lives, parts, values, SLICE, HEAD';

/** The packed format of a head with `windows` windows. */
const HEAD_FORMAT = "HEAD[windows] or '<BddI4B' .. string.rep('I4I4I2BBB', windows)";

/** The tables of the counters of a call. */
export const COUNTERS: string = `
local MOST = 4294967295
local SPARE_SLICES = 128
local SLICE = { '<I4B', '<I4I2', false, '<I4I4' }
-- The packed format of a head with one or two windows, the most usual.
local HEAD = { '<BddI4BI4I4I2BBB', '<BddI4BI4I4I2BBBI4I4I2BBB' }

-- By key. Counters are written at the end of the script, so that an error before it changes none.
-- texts: the bytes.
-- heads: {version, birth, base, last, windows, (windowMs, used, slices, costBytes, start, oldest)*}, false for no
-- counter.
--   Window j begins at 6 * j. start is the place of its oldest slice in the text, and oldest that slice's instant.
-- lives: only of keys to write, their life in ms, or 0 to keep the expiry.
local texts, heads, lives = {}, {}, {}

-- Of the counter under construction: the packed head, then the packed slices; and the cost of each window's newest
-- slice.
local parts, values = {}, {}
`;

/**
 * Sets `head` of the counter `key`: false without a counter, nil if the key holds something else. {@link EXPIRE} checks
 * what a head says about its slices.
 */
export const LOAD: string = `
  local head = heads[key]
  if head == nil then
    local text = texts[key]
    if text == nil then
      text = try('GET', KEYS[key])
      texts[key] = text
    end
    if not text then
      head = false
    elseif type(text) == 'string' and byte(text, 1) == 1 then
      local windows = byte(text, 22) or 0
      local start = 23 + 13 * windows
      if windows > 0 and #text >= start - 1 then
        head = { read(${HEAD_FORMAT}, text) }
        for w = 6, 6 * windows, 6 do
          head[w + 4] = start
          start = start + head[w + 2] * (4 + (SLICE[head[w + 3]] and head[w + 3] or math.huge))
        end
        -- A base that is no number, or endless, has a remainder that is no number.
        if not (start == #text + 1 and head[2] >= 0 and head[2] < ${2 ** 53} and head[3] % 1 == 0) then head = nil end
      end
    end
    heads[key] = head
  end
`;

/**
 * Removes from `head`, with its `text`, the slices that have left their window by `now`. Sets `longest` and `base`.
 * When the latest change has left the longest window, the counter is gone: `head` becomes false. Sets `sound`, which is
 * false if the slices contradict the head. Only the slices that are read anyway are checked.
 */
export const EXPIRE: string = `
  local longest, base, last, sound = 0, head[3], head[4], true
  for w = 6, 6 * head[5], 6 do
    local windowMs, slices = head[w], head[w + 2]
    if windowMs > longest then longest = windowMs end
    if slices > 0 then
      local left, start, costBytes = now - windowMs - base, head[w + 4], head[w + 3]
      local sliceAt, cost = read(SLICE[costBytes], text, start)
      if sliceAt <= left then
        local used = head[w + 1]
        repeat
          used, slices, start = used - cost, slices - 1, start + 4 + costBytes
          if slices == 0 then break end
          sliceAt, cost = read(SLICE[costBytes], text, start)
        until sliceAt > left
        -- No slices have no cost, whatever the head says. So a wrong sum is right again after a window.
        if slices == 0 then used = 0 elseif used < 0 then sound = false end
        head[w + 1], head[w + 2], head[w + 4] = used, slices, start
      end
      head[w + 5] = sliceAt
      if sliceAt > last then sound = false end
    else
      head[w + 1] = 0
    end
  end
  if base + last + longest <= now then head, sound = false, true end
`;

/** Makes `head` and the `parts` from 2 to `last` the text of the counter `key`. Does not mark it to be written. */
export const REPLACE: string = `
  local windows = head[5]
  for w = 10, 6 * windows + 5, 6 do head[w], head[w + 1] = 0, 0 end
  parts[1] = pack(${HEAD_FORMAT}, unpack(head, 1, 5 + 6 * windows))
  texts[key] = concat(parts, '', 1, last)
  heads[key] = nil
`;

/**
 * Records `charged` at `now` in every window of the counter `key`, whose `head` is expired as of `now`. The first
 * windows are those of the `quotas` of `shape`, and have their slices. Windows behind them have slices of a width of
 * their own.
 */
export const ADMIT: string = `
  local text, base = texts[key], head[3]
  local instant = now - base
  local later = instant > head[4]
  head[4] = instant
  for j = 1, head[5] do
    local w, sliceMs, maxSlices = 6 * j, nil, nil
    if j <= quotas then
      sliceMs, maxSlices = ${sliceMsOf('shape', 'j')}, ${maxSlicesOf('shape', 'j')}
    else
      sliceMs, maxSlices = math.ceil(head[w] / SPARE_SLICES), SPARE_SLICES + 1
    end
    local used, count, costBytes, start = head[w + 1] + charged, head[w + 2], head[w + 3], head[w + 4]
    local value, stop, joins = charged, start + count * (4 + costBytes), false
    if used > MOST then
      used, value, count, stop, joins = MOST, MOST, 1, start, true
    -- The fast case: slices of one ms, and none at this instant, since the latest change was earlier.
    elseif count > 0 and not (later and sliceMs == 1 and count < maxSlices) then
      local newest, sum = read(SLICE[costBytes], text, stop - 4 - costBytes)
      joins = newest == instant or count >= maxSlices or (sliceMs > 1
        and floor((base + newest) / sliceMs) == floor(now / sliceMs))
      if joins then
        value, stop = sum + charged, stop - 4 - costBytes
      end
    end
    if value > 255 and (costBytes == 1 or value > 65535 and costBytes == 2) then
      costBytes = value > 65535 and 4 or 2
      head[w + 2] = (stop - start) / (4 + head[w + 3])
      if not slicesOf then operate = makeOperate(${SHARED_NAMES}) end
      parts[2 * j] = slicesOf(text, head, w, 0, costBytes)
      head[w + 3] = costBytes
    else
      parts[2 * j] = sub(text, start, stop - 1)
    end
    if not joins then count = count + 1 end
    head[w + 1], head[w + 2], values[j] = used, count, value
  end
  -- By far the most usual counter: two windows, small costs.
  if head[5] == 2 and head[9] == 1 and head[15] == 1 then
    texts[key] = pack('<BddI4BI4I4I2BxxI4I4I2Bxxc0I4Bc0I4B', 1, head[2], base, instant, 2, head[6], head[7], head[8], 1,
      head[12], head[13], head[14], 1, parts[2], instant, values[1], parts[4], instant, values[2])
    heads[key] = nil
  else
    local last = 2 * head[5] + 1
    for j = 1, head[5] do parts[2 * j + 1] = pack(SLICE[head[6 * j + 3]], instant, values[j]) end
${REPLACE}
  end
`;

/**
 * Adds `key` to the account's `index`. `ends` is the latest instant at which the key may matter. Sets `entered`, which
 * is false if Redis refused that. Removes entries whose key no longer matters, but not all at once: an account may have
 * had a million.
 */
export const ENTER: string = `
  local account, life = KEYS[index], ends - clock
  local left = call('PTTL', account)
  local entered = type(try('ZADD', account, ends, sub(KEYS[key], #account + 2))) == 'number'
  if entered then
    local gone = left ~= -2 and call('ZRANGE', account, '-inf', clock, 'BYSCORE', 'LIMIT', 0, 100) or {}
    if #gone > 0 then call('ZREM', account, unpack(gone)) end
    if left < life then call('PEXPIRE', account, life) end
  end
`;

/** Sets `ends` of a counter of `shape` that begins at `now` or has the base `now`. */
export const ENDS: string = `
  local ends = now + math.min(${spareOf('shape')} * longest, MOST) + longest + floor(longest / 8)`;

/**
 * Begins the counter `key` with a first charge of `charged` at `now`, by the `quotas` of `shape`. It has been added to
 * the index before, since that may fail.
 */
export const BEGIN: string = `
  local costBytes, longest, last =
    charged > 65535 and 4 or charged > 255 and 2 or 1, ${longestOf('shape')}, quotas + 1
  local head = { 1, births, now, 0, quotas }
  births = births + 1
  for q = 1, quotas do
    local w = 6 * q
    head[w], head[w + 1], head[w + 2], head[w + 3] = ${windowMsOf('shape', 'q')}, charged, 1, costBytes
    parts[q + 1] = pack(SLICE[costBytes], 0, charged)
  end
${REPLACE}
  lives[key] = longest + floor(longest / 8)
`;

/**
 * After a command that failed. That its key is of another type concerns this account alone. Any other error, such as
 * one of missing rights, does not: the command is repeated, to end the script.
 */
export const raiseOthers = (reply: string, command: string): string => `
      if not string.find(${reply}.err, 'WRONGTYPE', 1, true) then ${command} end`;

/**
 * Sets `foreign`, if the account's index cannot have entries. It is asked before a charge that needs it records
 * anything.
 */
export const askIndex = (index: string): string => `
      local entries = try('ZRANGE', KEYS[${index}], 0, 0)
      local foreign = entries.err
      if foreign then${raiseOthers('entries', `call('ZRANGE', KEYS[${index}], 0, 0)`)} end`;

/**
 * Forgets the heads of the counters of an operation that has changed nothing. If the clock steps back, what has expired
 * by now may count for another charge.
 */
export const FORGET: string = `
      for c = first, stop, step do heads[${keyOf('c')}] = nil end`;

/** Behind {@link ENTER}: an index of another type concerns that account alone. */
export const RAISE_UNLESS_ENTERED: string = `
  if not entered then
    local asked = try('ZADD', account, ends, sub(KEYS[key], #account + 2))
${raiseOthers('asked', "call('ZADD', account, ends, sub(KEYS[key], #account + 2))")}
  end`;

/** Sets the `longest` window of the head, and whether its base is so long ago that it has to move. */
export const AGE: string = `
          local longest = 0
          for w = 6, 6 * head[5], 6 do
            if head[w] > longest then longest = head[w] end
          end
          local old = now - head[3] > math.min(3 * longest, MOST)`;

/** The same pieces as functions. */
export const COUNTER_FUNCTIONS: string = `
local function load(key)
${LOAD}
  local text = texts[key]
  if head == nil and type(text) == 'table' then${raiseOthers('text', "call('GET', KEYS[key])")} end
  return head
end

-- Returns the head, or false, the longest window, and whether the slices are sound.
local function expire(key, head, now)
  local text = texts[key]
${EXPIRE}
  heads[key] = head
  return head, longest, sound
end

-- How long a counter is kept after its latest change: an eighth longer than it matters. So only the first charge in
-- each eighth needs to set the expiry.
local function lastingOf(longest)
  return longest + floor(longest / 8)
end

local function replace(key, head, last)
${REPLACE}
end

-- Returns false if the index is of another type.
local function enter(key, index, ends)
${ENTER}${RAISE_UNLESS_ENTERED}
  return entered
end

-- The entry of a subject ends with its key, so by the server's clock.
local function register(key, index, now, longest, shape)
  if ${spareOf('shape')} == 0 then now = clock end
${ENDS}
  return enter(key, index, ends)
end

-- The bytes of a window's slices, with all instants moved by \`moved\`, and costs in \`costBytes\` bytes.
function slicesOf(text, head, w, moved, costBytes)
  local start, format, stride = head[w + 4], SLICE[head[w + 3]], 4 + head[w + 3]
  local stop = start + head[w + 2] * stride
  if moved == 0 and costBytes == head[w + 3] then return sub(text, start, stop - 1) end
  local parts = {}
  for slice = start, stop - 1, stride do
    local sliceAt, cost = read(format, text, slice)
    parts[#parts + 1] = pack(SLICE[costBytes], sliceAt + moved, cost)
  end
  return concat(parts)
end

local function admit(key, head, shape, quotas, charged, now)
${ADMIT}
end

local function begin(key, shape, quotas, charged, now)
${BEGIN}
end
`;
