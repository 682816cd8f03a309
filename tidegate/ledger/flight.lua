-- Single flight: a job that asks what another one's run, or line of a batch, is asking already waits for that answer.
-- Before transition.lua.
--
-- A job's field `flight` says what it asks, by a keyed name: `sure:<name>` at temperature 0, else `free:<name>`.
-- <prefix>:flight:<lane>:<latency>:<flight>  the job whose run or line asks that now: the leader
-- <prefix>:followers:<leader>                hash: those who wait for its answer, and their fences

local MOST_FOLLOWERS, PROMISED_S, KEPT_S = 100, 15, 7200

local function flight_key(prefix, lane, latency, flight)
  return prefix .. ':flight:' .. (lane or '') .. ':' .. (latency or '') .. ':' .. flight
end

-- Whether jobs of this flight share calls on a lane. `join` is the lane's word: 'always', 'deterministic', or ''.
local function flight_shared(flight, join)
  return flight and (join == 'always' or (join == 'deterministic' and string.sub(flight, 1, 5) == 'sure:'))
end

-- A job that is next follows its leader, where there is one with room; then it is no longer in line. `where`: the state that
-- its leader must be in, `running` unless something else is given.
local function flight_follow(prefix, lane, id, join, look_s, move, where)
  if join == '' then return false end
  local told = redis.call('HMGET', prefix .. ':job:' .. id, 'flight', 'latency', 'fence')
  if not flight_shared(told[1], join) then return false end
  local leader = redis.call('GET', flight_key(prefix, lane, told[2], told[1]))
  if not leader or leader == id then return false end
  local at = redis.call('HMGET', prefix .. ':job:' .. leader, 'state', 'lane')
  local followers = prefix .. ':followers:' .. leader
  if at[1] ~= (where or 'running') or at[2] ~= lane or redis.call('HLEN', followers) >= MOST_FOLLOWERS then return false end
  local follow = {'placed', 'waiting', '', '', '', look_s, '0', 'joined', '{"leader":"' .. leader .. '"}', '',
    'join-' .. id .. leader .. stamp(store_time()), '', '0', 'joined', leader}
  if move(prefix, id, follow, 1)[1] ~= 1 then return false end
  redis.call('HSET', followers, id, told[3] or 0)
  redis.call('EXPIRE', followers, KEPT_S + math.ceil(tonumber(look_s)))
  return true
end

-- A run begins, or a line of a batch: others who ask the same may follow it. `more_s`: how much longer than a run it takes.
local function flight_lead(prefix, lane, id, join, more_s)
  if join == '' then return end
  local told = redis.call('HMGET', prefix .. ':job:' .. id, 'flight', 'latency')
  if flight_shared(told[1], join) then
    redis.call('SET', flight_key(prefix, lane, told[2], told[1]), id, 'EX', KEPT_S + math.ceil(more_s or 0))
  end
end

-- A job waits no longer for its leader. What an ended leader asked was kept for those who waited: see transition.lua.
local function flight_left(prefix, id, leader)
  local followers = prefix .. ':followers:' .. leader
  if redis.call('HDEL', followers, id) == 0 or redis.call('EXISTS', followers) == 1 then return end
  local told = redis.call('HMGET', prefix .. ':job:' .. leader, 'state', 'outside')
  if told[2] and (told[1] == 'cancelled' or told[1] == 'expired') then
    redis.call('UNLINK', prefix .. ':vault:' .. told[2])
  end
end

-- Whether those who wait for a job's answer go on waiting after a move of it; also where nobody waits, and nothing is to do.
-- They do while the job comes back from a batch to its lane, or for another try: that one answers for all. And where it is
-- cancelled, or expires, when a batch has it (`formed`) and may send its line: that will be answered for them. Who makes
-- the lines lets them go where none was made.
local function flight_goes_on(prefix, id, state, to, name, same_lane, formed)
  if state == 'running' then return to == 'running' end
  if state == to then return same_lane end
  if redis.call('EXISTS', prefix .. ':followers:' .. id) == 0 then return state ~= 'batched' end
  if to == 'cancelled' or to == 'expired' then return formed end
  return same_lane and name ~= 'joined' and (to == 'placed' or to == 'waiting' or to == 'running')
end

-- A run is over. Returns those who wait for its answer, as a list of ids and fences; and one of them to ring for, where
-- there is no answer: then they are in line again. `alone`: in no batch.
local function flight_over(prefix, id, lane, latency, flight, answered, move, alone)
  local key, followers = flight_key(prefix, lane, latency, flight), prefix .. ':followers:' .. id
  if redis.call('GET', key) == id then redis.call('DEL', key) end
  local waiting, ring, now = redis.call('HGETALL', followers), '', store_time()
  if not waiting[1] then return waiting, ring end
  redis.call('DEL', followers)
  local left = {}
  for i = 1, #waiting, 2 do
    local follower, job = waiting[i], prefix .. ':job:' .. waiting[i]
    local told = redis.call('HMGET', job, 'state', 'joined', 'deadline_at')
    if told[1] == 'waiting' and told[2] == id then
      if answered then
        -- Its worker gives each the answer now; should it die over that, the janitor puts them in line.
        local look = stamp(math.min(now + PROMISED_S, tonumber(told[3])))
        redis.call('ZADD', prefix .. ':agenda', look, follower)
        redis.call('HSET', job, 'look_at', look)
        left[#left + 1] = follower
        left[#left + 1] = waiting[i + 1]
      else
        local back = {'waiting', 'placed', '', '', '', PROMISED_S, '0', 'leader_left', '{"leader":"' .. id .. '"}', '',
          'left-' .. follower .. id .. stamp(now), '', '0', 'joined', '', 'nudges', '0'}
        if alone then
          back[#back + 1] = 'alone'
          back[#back + 1] = '1'
        end
        local moved = move(prefix, follower, back, 1)
        if moved[1] == 1 and moved[5] == 1 then ring = follower end
      end
    end
  end
  return left, ring
end
