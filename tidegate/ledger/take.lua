-- Take the next job of a lane and begin a run of it, in one. After order.lua, company.lua, gate.lua, passing.lua, flight.lua,
-- transition.lua, batching.lua.
--
-- ARGV     1 prefix  2 lane  3 the job that the wake-up named, or ''  4 '1' if a wake-up led here
--          5 this call's token  6 field of the record that names the payload's slot
--          7 '1' to look again where nobody waits  8 what the lane's gate lets through, as JSON, or '' (see gate.lua)
--          9 which jobs share calls here: 'always', 'deterministic' or ''  10 seconds until the janitor looks at one that
--          waits for another's answer  11... the claim, as transition.lua wants it
-- Returns  {1, id, job to ring for or '', revision, fence, now, record, slot or '', envelope or '', seconds until that
--          ring or '', 1 if more may begin on a gated lane than wake-ups are under way} or {0, 1 to look again in a moment,
--          job to ring for or '', seconds until that ring or ''}

local prefix, lane, token, woken = ARGV[1], ARGV[2], ARGV[5], ARGV[4] == '1'
local room, asked, CLAIM = 'placed:' .. lane, prefix .. ':take:' .. token, 11
local gate = ARGV[8] ~= '' and cjson.decode(ARGV[8]) or nil
local join, fields = ARGV[9], #ARGV

local function begun(id, claim, ring, again, more)
  local record = redis.call('HGETALL', prefix .. ':job:' .. id)
  local slot = redis.call('HGET', prefix .. ':job:' .. id, ARGV[6]) or ''
  local envelope = slot ~= '' and redis.call('GET', prefix .. ':vault:' .. slot) or ''
  return {1, id, ring, claim[2], claim[3], claim[4], record, slot, envelope, again or '', more and 1 or 0}
end

-- The first answer was lost on its way: the job that it told of is running, and whoever asks again is its worker.
local before = redis.call('GET', asked)
if before then
  local claim = move(prefix, before, ARGV, CLAIM)
  if claim[1] == 1 then return begun(before, claim, '') end
end

local worker = ''
for i = CLAIM + 13, fields, 2 do
  if ARGV[i] == 'worker' then worker = ARGV[i + 1] end
end

-- Whether a job that is next is not to run here and now: it goes into a batch, waits for another's answer, or for a
-- process without another suspect. Then it is no longer in line.
local function elsewhere(id)
  return flight_follow(prefix, lane, id, join, ARGV[10], move) or set_aside(prefix, lane, id, join)
    or set_apart(prefix, id, worker, move)
end

-- A job that an earlier release placed is in no line: the wake-up's word is good enough.
local function of_an_earlier_release()
  local named = ARGV[3]
  return named ~= '' and redis.call('HGET', prefix .. ':job:' .. named, 'lane') == lane and named or nil
end

if not gate then
  local id = next_in_line(prefix, room)
  if woken then ring_answered(prefix, room) end
  id = id or of_an_earlier_release()
  while id do
    if not elsewhere(id) then
      local claim = move(prefix, id, ARGV, CLAIM)
      if claim[1] == 1 then
        redis.call('SET', asked, id, 'EX', 60)
        flight_lead(prefix, lane, id, join)
        return begun(id, claim, ring_for_next(prefix, room, store_time(), woken))
      end
    end
    id = next_in_line(prefix, room)
  end
else
  local now, note = store_time(), ARGV[CLAIM + 8]
  math.randomseed(tonumber(string.sub(token, 1, 8), 16) or 0)

  -- Claim it with a permit, or with the gate's word that it should go elsewhere.
  local function claimed(id, verdict)
    local told = redis.call('HMGET', prefix .. ':job:' .. id, 'state', 'tries', 'tenant')
    if told[1] ~= 'placed' then return {0} end
    local full, charged
    if verdict.verdict == 'granted' and gate.accounts then
      full, charged = budget_look(prefix, gate.accounts, told[3] or 'default', verdict.nano, verdict.tokens, now)
      if full then verdict = {verdict = 'budget', account = full[1], lent = full[2] == 'held', again_s = full[3]} end
    end
    ARGV[fields + 1], ARGV[fields + 2] = 'permit', cjson.encode(permit_of(lane, gate, verdict, id, charged, now))
    local granted = verdict.verdict == 'granted'
    ARGV[CLAIM + 8] = string.sub(note, 1, -2) .. (granted and ',"deployment":' or ',"gate":')
      .. cjson.encode(granted and verdict.one.name or verdict.verdict) .. '}'
    local claim = move(prefix, id, ARGV, CLAIM)
    if claim[1] ~= 1 then return claim end
    if granted then
      budget_hold(charged, verdict.nano, verdict.tokens)
      gate_reserve(prefix, lane, gate, verdict, id, tonumber(told[2] or 0), now + ARGV[CLAIM + 5] * LEASES_KEPT, now)
      flight_lead(prefix, lane, id, join)
    else
      redis.call('HINCRBY', prefix .. ':job:' .. id, 'attempts', -1) -- no call is made: it is no attempt
    end
    return claim
  end

  -- Who should be woken for those that are left, and when.
  local function onwards()
    local found, again_s, left = next_by_gate(prefix, lane, room, gate, now, no_wish)
    if found then return ring_for_next(prefix, room, now, woken), '', more_wait(prefix, room) end
    if not left then return '', '' end
    local again = ring_later(prefix, room, now, again_s)
    return again ~= '' and left or '', again
  end

  local found, again_s, left = next_by_gate(prefix, lane, room, gate, now, elsewhere)
  local old = not found and not left and of_an_earlier_release()
  if old then
    local verdict = gate_judged(prefix, lane, gate, old, now)
    if verdict.verdict == 'later' then again_s, left = verdict.again_s, old else found = {old, verdict = verdict} end
  end
  while found do
    leave_line(prefix, room, found)
    local claim = claimed(found[1], found.verdict)
    if claim[1] == 1 then
      redis.call('SET', asked, found[1], 'EX', 60)
      if woken then ring_answered(prefix, room) end
      return begun(found[1], claim, onwards())
    end
    found, again_s, left = next_by_gate(prefix, lane, room, gate, now, elsewhere)
  end
  if woken then ring_answered(prefix, room) end
  if left then return {0, 0, left, ring_later(prefix, room, now, again_s)} end
end
local now = store_time()
ring_settled(prefix, room, now)
return {0, ARGV[7] == '1' and stays(prefix, room, now) or 0, '', ''}
