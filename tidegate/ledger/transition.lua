-- One move of one job: atomically, or refused. After order.lua, company.lua, gate.lua and flight.lua; apply.lua and
-- take.lua call it.
--
-- a[at...]  +0 allowed source states, comma-separated  +1 new state  +2 fence that must hold, or ''
--           +3 revision that must hold, or ''  +4 '1' to hand out the next fence
--           +5 seconds until the janitor looks again, or ''  +6 seconds to keep the record after an end
--           +7 name of the move  +8 note as JSON  +9 seconds until a new deadline, or ''
--           +10 this move's token: a repetition of the same move is told what the first one did
--           +11 what the run's call came to, as JSON, or '': see gate_settle
--           +12 how many envelopes to store; each: slot, envelope, seconds to keep it
--           then fields and values; '' removes the field
-- Returns   {1, revision, fence, now, 1 if somebody should be woken, those who wait for this run's answer, another job
--            that somebody should be woken for or ''} or {0, present state ('' for no such job), revision}

local ENDS = {succeeded = true, dead = true, cancelled = true, expired = true}
local IN_LINE = {accepted = true, placed = true}

-- Whoever is accepted waits for a router; a job whose answer came back keeps its lane all the same.
local function room_of(state, lane) return state .. ':' .. (state ~= 'accepted' and lane or 'intake') end

-- A lane came to an answer: it works, and a run tells its smoothed service time, an exponential moving average with a
-- weight of one fifth.
local HAD = {running = true, batched = true}
local function paced(prefix, lane, state, began, now)
  redis.call('HSET', prefix .. ':succeeded_at', lane, stamp(now))
  if state ~= 'running' or not began then return end
  local took = now - tonumber(began)
  local before = tonumber(redis.call('HGET', prefix .. ':pace', lane) or took)
  redis.call('HSET', prefix .. ':pace', lane, stamp(before * 0.8 + took * 0.2))
end

local function move(prefix, id, a, at)
  local job = prefix .. ':job:' .. id
  local old = redis.call('HMGET', job, 'state', 'rev', 'fence', 'lane', 'deadline_at', 'started_at', 'move',
    'updated_at', 'tenant', 'priority', 'queued_at', 'accepted_at', 'permit', 'worker', 'flight', 'latency', 'crashes',
    'joined')
  local state, rev, fence = old[1], tonumber(old[2] or 0), tonumber(old[3] or 0)
  local lane, tenant, priority = old[4] or nil, old[9] or 'default', tonumber(old[10] or 5)
  local since = tonumber(old[11] or old[12])
  if not state then return {0, '', 0} end
  -- The first answer was lost on its way and the client asked again: to refuse it now would deny what has happened.
  if old[7] == a[at + 10] then return {1, rev, fence, old[8], 1, {}, ''} end

  local allowed = string.find(',' .. a[at] .. ',', ',' .. state .. ',', 1, true)
  if not allowed
    or (a[at + 2] ~= '' and tonumber(a[at + 2]) ~= fence)
    or (a[at + 3] ~= '' and tonumber(a[at + 3]) ~= rev) then
    return {0, state, rev}
  end

  local now, to, name = store_time(), a[at + 1], a[at + 7]
  -- An answer that the router has to look at first: nothing else ends well without a run.
  local answer = state == 'accepted' and redis.call('HGET', job, 'answer')
  if to == 'succeeded' and state == 'accepted' and not answer then return {0, state, rev} end
  local agenda, vault = prefix .. ':agenda', prefix .. ':vault:'
  -- First of all writes: a full store stops a script at its first write that adds. What is in may always move on, since
  -- only an end makes room again.
  redis.call('ZREM', agenda, id)
  local was = room_of(state, lane)
  local first = at + 13
  for _ = 1, tonumber(a[at + 12]) do
    redis.call('SET', vault .. a[first], a[first + 1], 'EX', a[first + 2])
    first = first + 3
  end

  rev = rev + 1
  local deadline, worker = tonumber(old[5]), nil
  local set, gone = {'state', to, 'rev', rev, 'updated_at', stamp(now), 'move', a[at + 10]}, {}
  local function put(field, value)
    set[#set + 1] = field
    set[#set + 1] = value
  end
  if a[at + 4] == '1' then
    fence = fence + 1
    redis.call('HINCRBY', job, 'attempts', 1)
  end
  put('fence', fence)
  if a[at + 9] ~= '' then
    deadline = now + tonumber(a[at + 9])
    put('deadline_at', stamp(deadline))
  end
  for i = first, #a, 2 do
    if a[i] == 'lane' then lane = a[i + 1] ~= '' and a[i + 1] or nil end
    if a[i] == 'worker' then worker = a[i + 1] end
    if a[i + 1] == '' then gone[#gone + 1] = a[i] else put(a[i], a[i + 1]) end
  end
  if answer and to ~= 'accepted' then
    -- Approved, it was sealed anew as the result.
    gone[#gone + 1] = 'answer'
    redis.call('UNLINK', vault .. answer)
  end
  if state == 'dead' then
    since = now
    put('queued_at', stamp(now))
  end
  if state == 'batched' and to ~= 'batched' and to ~= 'accepted' and not ENDS[to] then
    -- What came back from a batch without an answer goes alone: another batch would be another half day.
    put('alone', '1')
    gone[#gone + 1] = 'batch'
  end
  -- What was reserved for a line of a batch is settled when that is read, whatever has become of its job meanwhile.
  local unread = state == 'batched' and (to == 'batched' or to == 'cancelled' or to == 'expired')
  local bill
  if old[13] and (state == 'running' or state == 'batched') and not unread then
    if to == 'running' then gate_renew(prefix, id, old[13], now + tonumber(a[at + 5]) * LEASES_KEPT)
    else
      gone[#gone + 1] = 'permit'
      local failed_at
      failed_at, bill = gate_settle(prefix, id, old[13], a[at + 11], now)
      if failed_at and old[4] == lane and not ENDS[to] then put('avoid', failed_at) end
    end
  end
  -- A run that brought an answer to the router has done its part: it is counted now, and not when that is let through.
  local brought = to == 'accepted' and HAD[state]
  if bill or brought or (to == 'succeeded' and not answer) then
    costs_of(prefix, job, tenant, old[4], brought and 'succeeded' or to, a[at + 11], bill, now)
  end
  local look = not ENDS[to] and stamp(math.min(now + tonumber(a[at + 5]), deadline))
  if ENDS[to] then
    put('ended_at', stamp(now))
    gone[#gone + 1] = 'look_at'
  else
    put('look_at', look)
    if to == 'running' and state ~= 'running' then put('started_at', stamp(now)) end
    if state == 'dead' then gone[#gone + 1] = 'ended_at' end
  end
  redis.call('HSET', job, unpack(set))
  if gone[1] then redis.call('HDEL', job, unpack(gone)) end

  if to == 'running' and state ~= 'running' and worker then company_join(prefix, worker, id, old[17]) end
  if state == 'running' and to ~= 'running' and old[14] then
    company_leave(prefix, old[14], id, a[at + 2] ~= '', now)
  end

  -- Who is where: one sorted set for each state and lane, scored by the time of entry; and who of them is in line.
  local room, ring = room_of(to, lane), 0
  if was ~= room then
    redis.call('ZREM', prefix .. ':in:' .. was, id)
    if IN_LINE[state] then dequeue(prefix, was, id, tenant, priority) end
    if ENDS[state] then redis.call('HINCRBY', prefix .. ':ended', state, -1) end
    if not ENDS[to] then redis.call('ZADD', prefix .. ':in:' .. room, stamp(now), id) end
  end
  if IN_LINE[to] then
    enqueue(prefix, room, id, tenant, priority, since)
    ring = ring_wanted(prefix, room, now) and 1 or 0
  end

  local goes_on = not old[15] or flight_goes_on(prefix, id, state, to, name, old[4] == lane,
    state == 'batched' and redis.call('HGET', job, 'batch'))
  if ENDS[to] then
    count_out(prefix, job)
    redis.call('HINCRBY', prefix .. ':ended', to, 1)
    -- Text is kept no longer than somebody needs it: a dead letter's payload to redrive it, a result to be read.
    local slots = redis.call('HMGET', job, 'payload', 'outside', 'result', 'placeholders', 'zone')
    local keep = a[at + 6]
    if slots[2] and old[15] and goes_on and state == 'batched' then
      -- Others wait for this one's line: what it asks is compared with what they ask before they get the answer.
      redis.call('EXPIRE', vault .. slots[2], redis.call('TTL', prefix .. ':followers:' .. id))
    elseif slots[2] then redis.call('UNLINK', vault .. slots[2]) end
    if to == 'dead' then
      redis.call('ZADD', prefix .. ':dead', stamp(now), id)
      if slots[1] then redis.call('EXPIRE', vault .. slots[1], keep) end
    elseif slots[1] then redis.call('UNLINK', vault .. slots[1]) end
    if slots[3] then redis.call('EXPIRE', vault .. slots[3], keep) end
    if slots[4] then
      -- What placeholders stand for is worth as much as the answer that holds them, and no longer.
      if to == 'succeeded' and slots[5] == 'outside' then redis.call('EXPIRE', vault .. slots[4], keep)
      else redis.call('UNLINK', vault .. slots[4]) end
    end
    redis.call('EXPIRE', job, keep)
    redis.call('EXPIRE', job .. ':history', keep)
    if to == 'succeeded' and HAD[state] then paced(prefix, lane, state, old[6], now) end
  else
    if brought then paced(prefix, lane, state, old[6], now) end
    redis.call('ZADD', agenda, look, id)
    if state == 'dead' then
      redis.call('ZREM', prefix .. ':dead', id)
      redis.call('PERSIST', job)
      redis.call('PERSIST', job .. ':history')
      -- The payload was kept for a dead letter's time, which may be over before the new deadline is.
      local slot = redis.call('HGET', job, 'payload')
      if slot then redis.call('EXPIRE', vault .. slot, math.ceil(deadline - now) + 3600) end
      count_in(prefix, job, tenant, reserve(slot and redis.call('STRLEN', vault .. slot) or 0))
    end
  end

  if name ~= 'renewed' then
    local history = job .. ':history'
    local event = string.format(
      '{"at":%s,"move":"%s","state":"%s","rev":%d,"fence":%d,"note":%s}', stamp(now), name, to, rev, fence, a[at + 8])
    local length = redis.call('RPUSH', history, event)
    journal(prefix, id, event)
    if length > 200 then redis.call('LTRIM', history, -200, -1) end
    redis.call('PUBLISH', prefix .. ':state:' .. id, to)
    -- Taken from a run that goes on: its worker hears of it at once (workers/ear.py).
    if state == 'running' and a[at + 2] == '' and old[14] then
      redis.call('PUBLISH', prefix .. ':state:' .. old[14], id .. ' ' .. old[3])
    end
  end
  local followers, other = {}, ''
  if state == 'waiting' and old[18] then flight_left(prefix, id, old[18]) end
  if not goes_on then
    local alone = redis.call('HGET', job, 'alone') or (state == 'batched' and to == 'dead')
    followers, other = flight_over(prefix, id, old[4], old[16], old[15], to == 'succeeded', move, alone)
  end
  return {1, rev, fence, stamp(now), ring, followers, other}
end
