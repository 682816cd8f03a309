-- Apply one move to one job, atomically, or refuse it.
--
-- KEYS[1]  the job's hash
-- ARGV     1 prefix  2 job id  3 allowed source states, comma-separated  4 new state
--          5 fence that must hold, or ''  6 revision that must hold, or ''  7 '1' to hand out the next fence
--          8 seconds until the janitor looks again, or ''  9 seconds to keep the record after an end
--          10 name of the move  11 note as JSON  12 seconds until a new deadline, or ''
--          13 this move's token: a repetition of the same move is told what the first one did
--          14... fields and values; '' removes the field
-- Returns  {1, revision, fence, now} or {0, present state ('' where there is no such job), revision}

local prefix, id = ARGV[1], ARGV[2]
local old = redis.call('HMGET', KEYS[1], 'state', 'rev', 'fence', 'lane', 'deadline_at', 'started_at', 'move',
  'updated_at')
local state, rev, fence = old[1], tonumber(old[2] or 0), tonumber(old[3] or 0)
local old_lane = old[4] or nil
if not state then return {0, '', 0} end
-- The first answer was lost on its way and the client asked again: to refuse it now would deny what has happened.
if old[7] == ARGV[13] then return {1, rev, fence, old[8]} end

local allowed = string.find(',' .. ARGV[3] .. ',', ',' .. state .. ',', 1, true)
if not allowed
  or (ARGV[5] ~= '' and tonumber(ARGV[5]) ~= fence)
  or (ARGV[6] ~= '' and tonumber(ARGV[6]) ~= rev) then
  return {0, state, rev}
end

local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local function stamp(value) return string.format('%.6f', value) end

local to, ends = ARGV[4], {succeeded = true, dead = true, cancelled = true, expired = true}
local agenda = prefix .. ':agenda'
-- First of all writes: a full store stops a script at its first write that adds. What is in may always move on, since
-- only an end makes room again.
redis.call('ZREM', agenda, id)
rev = rev + 1
if ARGV[7] == '1' then
  fence = fence + 1
  redis.call('HINCRBY', KEYS[1], 'attempts', 1)
end

local deadline = tonumber(old[5])
if ARGV[12] ~= '' then
  deadline = now + tonumber(ARGV[12])
  redis.call('HSET', KEYS[1], 'deadline_at', stamp(deadline))
end
for i = 14, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[i])
  else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
redis.call('HSET', KEYS[1], 'state', to, 'rev', rev, 'fence', fence, 'updated_at', stamp(now), 'move',
  ARGV[13])

-- Who is where: one sorted set for each state and lane, scored by the time of entry.
local function room(in_state, lane) return prefix .. ':in:' .. in_state .. ':' .. (lane or 'intake') end
local lane = redis.call('HGET', KEYS[1], 'lane') or nil
if state ~= to or old_lane ~= lane then
  redis.call('ZREM', room(state, old_lane), id)
  redis.call('ZADD', room(to, lane), stamp(now), id)
  if ends[state] then redis.call('HINCRBY', prefix .. ':ended', state, -1) end
end

if ends[to] then
  count_out(prefix, KEYS[1])
  redis.call('ZREM', room(to, lane), id)
  redis.call('HSET', KEYS[1], 'ended_at', stamp(now))
  redis.call('HDEL', KEYS[1], 'look_at')
  redis.call('HINCRBY', prefix .. ':ended', to, 1)
  -- Text is kept no longer than somebody needs it: a dead letter's payload to redrive it, a result to be read.
  local slots = redis.call('HMGET', KEYS[1], 'payload', 'outside', 'result', 'placeholders', 'zone')
  local vault = prefix .. ':vault:'
  if slots[2] then redis.call('UNLINK', vault .. slots[2]) end
  if to == 'dead' then
    redis.call('ZADD', prefix .. ':dead', stamp(now), id)
    if slots[1] then redis.call('EXPIRE', vault .. slots[1], ARGV[9]) end
  elseif slots[1] then redis.call('UNLINK', vault .. slots[1]) end
  if slots[3] then redis.call('EXPIRE', vault .. slots[3], ARGV[9]) end
  if slots[4] then
    -- What placeholders stand for is worth as much as the answer that holds them, and no longer.
    if to == 'succeeded' and slots[5] == 'outside' then redis.call('EXPIRE', vault .. slots[4], ARGV[9])
    else redis.call('UNLINK', vault .. slots[4]) end
  end
  redis.call('EXPIRE', KEYS[1], ARGV[9])
  redis.call('EXPIRE', KEYS[1] .. ':history', ARGV[9])
  if to == 'succeeded' and old[6] then
    -- The lane's smoothed service time: an exponential moving average with a weight of one fifth.
    local pace, took = prefix .. ':pace', now - tonumber(old[6])
    local before = tonumber(redis.call('HGET', pace, lane) or took)
    redis.call('HSET', pace, lane, stamp(before * 0.8 + took * 0.2))
    redis.call('HSET', prefix .. ':succeeded_at', lane, stamp(now))
  end
else
  local look = math.min(now + tonumber(ARGV[8]), deadline)
  redis.call('ZADD', agenda, stamp(look), id)
  redis.call('HSET', KEYS[1], 'look_at', stamp(look))
  if to == 'running' and state ~= 'running' then redis.call('HSET', KEYS[1], 'started_at', stamp(now)) end
  if state == 'dead' then
    redis.call('ZREM', prefix .. ':dead', id)
    redis.call('HDEL', KEYS[1], 'ended_at')
    redis.call('PERSIST', KEYS[1])
    redis.call('PERSIST', KEYS[1] .. ':history')
    -- The payload was kept for a dead letter's time, which may be over before the new deadline is.
    local slot = redis.call('HGET', KEYS[1], 'payload')
    if slot then redis.call('EXPIRE', prefix .. ':vault:' .. slot, math.ceil(deadline - now) + 3600) end
    local payload_bytes = slot and redis.call('STRLEN', prefix .. ':vault:' .. slot) or 0
    count_in(prefix, KEYS[1], redis.call('HGET', KEYS[1], 'tenant') or 'default', reserve(payload_bytes))
  end
end

if ARGV[10] ~= 'renewed' then
  local history = KEYS[1] .. ':history'
  local event = string.format(
    '{"at":%s,"move":"%s","state":"%s","rev":%d,"fence":%d,"note":%s}', stamp(now), ARGV[10], to, rev, fence, ARGV[11])
  redis.call('RPUSH', history, event)
  journal(prefix, id, event)
  redis.call('LTRIM', history, -200, -1)
  redis.call('PUBLISH', prefix .. ':state:' .. id, to)
end
return {1, rev, fence, stamp(now)}
