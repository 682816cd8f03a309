-- Who runs beside whom in a worker's process, so that a job that kills it is told from those that were there. After
-- order.lua. Who is blamed is decided in workers/blame.py.
--
-- <prefix>:held:<worker>   sorted set: the jobs that a process runs, by how many processes each has died with before
-- <prefix>:taken:<worker>  when a job was last taken from that process while it held others

local SUSPECT, APART_S, MOST_APART_S, TAKEN_KEPT_S = 3, 2, 60, 86400

local function held_by(prefix, worker) return prefix .. ':held:' .. worker end

-- A run begins.
local function company_join(prefix, worker, id, crashes)
  redis.call('ZADD', held_by(prefix, worker), crashes or 0, id)
end

-- A run is over. `finished`: by its own worker's word, so that this one lived.
local function company_leave(prefix, worker, id, finished, now)
  local held = held_by(prefix, worker)
  redis.call('ZREM', held, id)
  if not finished and redis.call('EXISTS', held) == 1 then
    redis.call('SET', prefix .. ':taken:' .. worker, stamp(now), 'EX', TAKEN_KEPT_S)
  end
end

-- Whether a process runs another job that has died with so many before. What an earlier release left there is removed.
local function company_of(prefix, worker, id, crashes)
  local held = held_by(prefix, worker)
  for _, other in ipairs(redis.call('ZRANGE', held, crashes, '+inf', 'BYSCORE')) do
    if other ~= id then
      local told = redis.call('HMGET', prefix .. ':job:' .. other, 'state', 'worker')
      if told[1] == 'running' and told[2] == worker then return true end
      redis.call('ZREM', held, other)
    end
  end
  return false
end

-- A suspect that is next, where this process runs another suspect, waits for a while instead; then it is not in line.
local function set_apart(prefix, id, worker, move)
  local told = redis.call('HMGET', prefix .. ':job:' .. id, 'crashes', 'apart')
  if tonumber(told[1] or 0) < SUSPECT or not company_of(prefix, worker, id, SUSPECT) then return false end
  local now, times = store_time(), tonumber(told[2] or 0)
  local spread = 0.5 + now * 1000000 % 997 / 997
  local look = math.min(APART_S * 2 ^ math.min(times, 16), MOST_APART_S) * spread
  return move(prefix, id, {'placed', 'waiting', '', '', '', look, '0', 'set_apart', '{}', '',
    'apart-' .. id .. stamp(now), '', '0', 'apart', times + 1}, 1)[1] == 1
end
