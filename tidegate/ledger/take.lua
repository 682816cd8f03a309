-- Take the next job of a lane and begin a run of it, in one. After order.lua, flight.lua and transition.lua.
--
-- ARGV     1 prefix  2 lane  3 the job that the wake-up named, or ''  4 '1' if a wake-up led here
--          5 this call's token  6 field of the record that names the payload's slot
--          7 '1' to look again where nobody waits  8 which jobs share calls here: 'always', 'deterministic' or ''
--          9 seconds until the janitor looks at one that follows another  10... the claim, as transition.lua wants it
-- Returns  {1, id, job to ring for or '', revision, fence, now, record, slot or '', envelope or ''} or {0, 1 to look again in a moment}

local prefix, lane, token = ARGV[1], ARGV[2], ARGV[5]
local room, asked = 'placed:' .. lane, prefix .. ':take:' .. token

local function begun(id, claim, ring)
  local record = redis.call('HGETALL', prefix .. ':job:' .. id)
  local slot = redis.call('HGET', prefix .. ':job:' .. id, ARGV[6]) or ''
  local envelope = slot ~= '' and redis.call('GET', prefix .. ':vault:' .. slot) or ''
  return {1, id, ring, claim[2], claim[3], claim[4], record, slot, envelope}
end

-- The first answer was lost on its way: the job that it told of is running, and whoever asks again is its worker.
local before = redis.call('GET', asked)
if before then
  local claim = move(prefix, before, ARGV, 10)
  if claim[1] == 1 then return begun(before, claim, '') end
end

local id = next_in_line(prefix, room)
if ARGV[4] == '1' then ring_answered(prefix, room) end
if not id and ARGV[3] ~= '' then
  -- A job that an earlier release placed is in no line: the wake-up's word is good enough.
  if redis.call('HGET', prefix .. ':job:' .. ARGV[3], 'lane') == lane then id = ARGV[3] end
end
while id do
  if not flight_follow(prefix, lane, id, ARGV[8], ARGV[9], move) then
    local claim = move(prefix, id, ARGV, 10)
    if claim[1] == 1 then
      redis.call('SET', asked, id, 'EX', 60)
      flight_lead(prefix, lane, id, ARGV[8])
      return begun(id, claim, ring_for_next(prefix, room, store_time(), ARGV[4] == '1'))
    end
  end
  id = next_in_line(prefix, room)
end
local now = store_time()
ring_settled(prefix, room, now)
return {0, ARGV[7] == '1' and stays(prefix, room, now) or 0}
