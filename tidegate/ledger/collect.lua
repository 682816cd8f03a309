-- Take the next jobs of the intake for one router to place. They stay accepted: no run begins, and whoever places one
-- first counts. After order.lua.
--
-- ARGV     1 prefix  2 how many at most  3 bytes of payload at which to stop  4 seconds until the janitor looks, for
--          the first time  5 '1' if a wake-up led here  6 the job that the wake-up named, or ''
--          7 '1' to look again where nobody waits
-- Returns  {job to ring for or '', 1 to look again in a moment, then for each: id, record, envelope or ''}

local prefix, room = ARGV[1], 'accepted:intake'
local most, most_bytes, look_s = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now, bytes, found = store_time(), 0, {'', 0}

local function collect(id, old)
  local job = prefix .. ':job:' .. id
  local told = redis.call('HMGET', job, 'state', 'nudges', 'deadline_at', 'payload', 'queued_at')
  if told[1] ~= 'accepted' or (old and told[5]) then return end
  -- Out of line now. Should this router die, the janitor puts the job back; later each time, so that a job that takes a
  -- slow machine long is placed at last.
  local look = stamp(math.min(now + look_s * 2 ^ math.min(tonumber(told[2] or 0), 6), tonumber(told[3])))
  redis.call('ZADD', prefix .. ':agenda', look, id)
  redis.call('HSET', job, 'look_at', look)
  local envelope = told[4] and redis.call('GET', prefix .. ':vault:' .. told[4]) or ''
  bytes = bytes + #envelope
  found[#found + 1] = id
  found[#found + 1] = redis.call('HGETALL', job)
  found[#found + 1] = envelope
end

while #found < 2 + 3 * most and bytes < most_bytes do
  local id = next_in_line(prefix, room)
  if not id then break end
  collect(id)
end
-- A job that an earlier release accepted is in no line: the wake-up's word is good enough.
if #found == 2 and ARGV[6] ~= '' then collect(ARGV[6], true) end
if ARGV[5] == '1' then ring_answered(prefix, room) end
ring_settled(prefix, room, now)
found[1] = ring_for_next(prefix, room, now, ARGV[5] == '1' and #found > 2)
if #found == 2 and ARGV[7] == '1' then found[2] = stays(prefix, room, now) end
return found
