-- The order of those who wait in a room (the intake, or a lane): who is next, and whether somebody must be woken.
-- A part of other scripts, which put it before their own text. Pure but for the keys below; see order.py.
--
-- <prefix>:order:<room>                  hash: `waiting`, the bands' clocks, `passed`, `rung`, `rung_at`, `stays`
-- <prefix>:order:<room>/bell             list: one entry where somebody stays and somebody came: it ends the waiting
-- <prefix>:order:<room>:<band>           sorted set: tenants by their next turn
-- <prefix>:order:<room>:<band>:<tenant>  sorted set: a tenant's jobs, by acceptance and urgency
-- <prefix>:rooms                         set: rooms where somebody waited
-- <prefix>:weights                       hash: tenants that have more turns than one, or fewer (workers/weights.py)

local BANDS = {'interactive', 'batch'}
local BATCH_TURN, LEVEL_S = 8, 60
local NEAR_TENANTS = 8
local RINGS, MOST_RINGS, STALE_S, LAST_RESORT_S, SAME_S = 1, 64, 2, 30, 0.005

local function stamp(value) return string.format('%.6f', value) end
local function store_time()
  local clock = redis.call('TIME')
  return tonumber(clock[1]) + tonumber(clock[2]) / 1000000
end

local function order_of(prefix, room) return prefix .. ':order:' .. room end
local function band_of(priority) return BANDS[tonumber(priority) < 5 and 1 or 2] end

-- Put a job in line. Twice is once.
local function enqueue(prefix, room, id, tenant, priority, since)
  local order, band = order_of(prefix, room), band_of(priority)
  local tenants = order .. ':' .. band
  if redis.call('ZADD', tenants .. ':' .. tenant, stamp(since + priority % 5 * LEVEL_S), id) == 0 then return end
  -- A tenant that comes (back) takes its turn from now on: it gets no credit for having been away.
  redis.call('ZADD', tenants, 'NX', redis.call('HGET', order, band) or 0, tenant)
  if redis.call('HINCRBY', order, 'waiting', 1) == 1 then redis.call('SADD', prefix .. ':rooms', room) end
end

-- Take a job out of line. The tenant keeps its turn until that comes.
local function dequeue(prefix, room, id, tenant, priority)
  local order = order_of(prefix, room)
  if redis.call('ZREM', order .. ':' .. band_of(priority) .. ':' .. tenant, id) == 1 then
    redis.call('HINCRBY', order, 'waiting', -1)
  end
end

-- How far a tenant's next turn is off when it has had one.
local function stride(prefix, tenant)
  local weight = tonumber(redis.call('HGET', prefix .. ':weights', tenant) or 1)
  return weight and weight > 0 and weight < 1000 and 1 / weight or 1
end

-- The job of a band that is next: {id, tenant, turn}, or nil.
local function head(order, band)
  local tenants = order .. ':' .. band
  while true do
    local first = redis.call('ZRANGE', tenants, 0, 0, 'WITHSCORES')
    if not first[1] then return nil end
    local id = redis.call('ZRANGE', tenants .. ':' .. first[1], 0, 0)[1]
    if id then return {id, first[1], first[2]} end
    -- A tenant with nothing in line is forgotten when its turn comes: once for each time that it was charged.
    redis.call('ZREM', tenants, first[1])
    redis.call('HSET', order, band, first[2])
  end
end

-- Who is next in a room, still in line: {id, tenant, turn}, its band, and what `passed` will be; or nil.
local function first_in_line(prefix, room)
  local order = order_of(prefix, room)
  local quick, slow = head(order, BANDS[1]), head(order, BANDS[2])
  if not quick and not slow then return nil end
  local passed = tonumber(redis.call('HGET', order, 'passed') or 0)
  if slow and (not quick or passed + 1 >= BATCH_TURN) then return slow, BANDS[2], 0 end
  return quick, BANDS[1], slow and passed + 1 or 0
end

-- Who is next in a room, now out of line: an id, or nil.
local function next_in_line(prefix, room)
  local order = order_of(prefix, room)
  local chosen, band, passed = first_in_line(prefix, room)
  if not chosen then return nil end
  redis.call('ZREM', order .. ':' .. band .. ':' .. chosen[2], chosen[1])
  redis.call('ZADD', order .. ':' .. band, stamp(tonumber(chosen[3]) + stride(prefix, chosen[2])), chosen[2])
  redis.call('HSET', order, band, chosen[3], 'passed', passed)
  redis.call('HINCRBY', order, 'waiting', -1)
  return chosen[1]
end

-- Those who are next in a room but for one, about in the order of their turns, all still in line: {id, tenant, band} each. The
-- band whose turn it is comes first; in it each tenant's first, then each one's second.
local function near_in_line(prefix, room, band, most, but)
  local order, found = order_of(prefix, room), {}
  for _, name in ipairs(band == BANDS[2] and {BANDS[2], BANDS[1]} or BANDS) do
    local lines = {}
    for at, tenant in ipairs(redis.call('ZRANGE', order .. ':' .. name, 0, NEAR_TENANTS - 1)) do
      lines[at] = {tenant, redis.call('ZRANGE', order .. ':' .. name .. ':' .. tenant, 0, most)}
      for place, id in ipairs(lines[at][2]) do
        if id == but then table.remove(lines[at][2], place) break end
      end
    end
    for turn = 1, most do
      for _, line in ipairs(lines) do
        if #found == most then return found end
        if line[2][turn] then found[#found + 1] = {line[2][turn], line[1], name} end
      end
    end
  end
  return found
end

-- One who passes those before him leaves the line: his tenant's turn is used up, and nobody else's moves.
local function pass_in_line(prefix, room, one)
  local order = order_of(prefix, room)
  if redis.call('ZREM', order .. ':' .. one[3] .. ':' .. one[2], one[1]) == 1 then
    redis.call('ZINCRBY', order .. ':' .. one[3], stamp(stride(prefix, one[2])), one[2])
    redis.call('HINCRBY', order, 'waiting', -1)
  end
end

-- Whether a wake-up should be sent to whoever serves a room; one that should counts as sent. `woken`: on behalf of one
-- who followed a wake-up and took a job. He always passes it on: wake-ups that were lost stay counted, and while they are,
-- nobody else would ring, so that a lane with many slots would work with the few that the last resort wakes.
local function ring_wanted(prefix, room, now, woken)
  local order = order_of(prefix, room)
  local told = redis.call('HMGET', order, 'waiting', 'rung', 'rung_at', 'stays')
  if tonumber(told[1] or 0) < 1 then return false end
  if told[4] then
    redis.call('HDEL', order, 'stays')
    -- One entry is enough, also where whoever stayed has died over it: the next one looks once in vain.
    if redis.call('EXISTS', order .. '/bell') == 0 then redis.call('LPUSH', order .. '/bell', 1) end
  end
  local rung, silent_s = tonumber(told[2] or 0), now - tonumber(told[3] or 0)
  -- Those beyond RINGS need none of their own: who takes a job and leaves others rings again. And a ring may be lost with
  -- its reader or its broker, so where none was sent for a while there is another.
  local wanted = woken or rung < RINGS or (silent_s > STALE_S and rung < MOST_RINGS) or silent_s > LAST_RESORT_S
  if wanted then redis.call('HSET', order, 'rung', rung + 1, 'rung_at', stamp(now)) end
  return wanted
end

-- The same after somebody took a job: the id of one that is left and should be rung for, or ''.
local function ring_for_next(prefix, room, now, woken)
  if not ring_wanted(prefix, room, now, woken) then return '' end
  local order = order_of(prefix, room)
  local left = head(order, BANDS[1]) or head(order, BANDS[2])
  return left and left[1] or ''
end

-- Whether more wait in a room than wake-ups are under way.
local function more_wait(prefix, room)
  local told = redis.call('HMGET', order_of(prefix, room), 'waiting', 'rung')
  return tonumber(told[1] or 0) > tonumber(told[2] or 0)
end

-- Nobody may begin for so many seconds: whoever is told so sends a wake-up then. It counts as under way until it is due,
-- so that nobody is woken in vain; should its sender die, the last resort wakes somebody. Seconds, or '' where another
-- wake-up will come by then.
local function ring_later(prefix, room, now, seconds)
  local order = order_of(prefix, room)
  local told = redis.call('HMGET', order, 'rung', 'rung_at')
  local rung, due = tonumber(told[1] or 0), tonumber(told[2] or 0)
  if rung > 0 and due > now and due <= now + seconds + SAME_S then return '' end
  redis.call('HSET', order, 'rung', math.max(rung, 1), 'rung_at', stamp(now + seconds))
  return stamp(seconds)
end

-- Somebody came on account of a wake-up.
local function ring_answered(prefix, room)
  local order = order_of(prefix, room)
  local told = redis.call('HMGET', order, 'rung', 'stays')
  if tonumber(told[1] or 0) > 0 then redis.call('HINCRBY', order, 'rung', -1) end
  if told[2] then redis.call('HDEL', order, 'stays') end
end

-- Whether somebody who found nobody in line should wait a moment for the bell: one does, and counts as a wake-up that is
-- under way, so that under a steady flow none needs to be sent.
local function stays(prefix, room, now)
  local order = order_of(prefix, room)
  if tonumber(redis.call('HGET', order, 'rung') or 0) >= RINGS then return 0 end
  redis.call('HSET', order, 'rung', 1, 'rung_at', stamp(now), 'stays', 1)
  return 1
end

-- Where nobody is in line and no wake-up was sent for a while, those that were not followed are lost, and forgotten.
local function ring_settled(prefix, room, now)
  local order = order_of(prefix, room)
  local told = redis.call('HMGET', order, 'waiting', 'rung', 'rung_at')
  if tonumber(told[1] or 0) < 1 and tonumber(told[2] or 0) > 0 and now - tonumber(told[3]) > STALE_S then
    redis.call('HSET', order, 'rung', 0)
  end
end
