-- Put a new job on record together with its sealed payload, or say what is there already. After order.lua.
--
-- KEYS[1]  the job's hash   KEYS[2]  the payload's slot in the vault
-- ARGV     1 prefix  2 job id  3 envelope  4 seconds to keep the envelope  5 seconds until the deadline
--          6 seconds until the janitor looks  7 tenant  8 priority  9 '1' to put it in line  10 limits, see admission.lua
--          11 name of the batch, or '': of one, nothing is taken behind a job that was refused  12... fields and values
-- Returns  {1, 'accepted', fingerprint, 1 if the router should be woken}, {0, present state, its fingerprint, 0}, or
--          {-1, limit, used, allowed, ends a second}

local present = redis.call('HMGET', KEYS[1], 'state', 'fingerprint')
if present[1] then return {0, present[1], present[2] or '', 0} end

local prefix, id = ARGV[1], ARGV[2]
local tenant, halted = ARGV[7], prefix .. ':halted:' .. ARGV[11]
local before = ARGV[11] ~= '' and redis.call('GET', halted)
local full = before and cjson.decode(before) or refused(prefix, tenant, #ARGV[3] + reserve(#ARGV[3]), ARGV[10])
if full then
  -- Nothing is to be written where memory is short; without the note a later one of the batch is judged by itself.
  if ARGV[11] ~= '' and not before then redis.pcall('SET', halted, cjson.encode(full), 'EX', 60) end
  return {-1, unpack(full)}
end
local now = store_time()
local deadline = now + tonumber(ARGV[5])
local look = stamp(math.min(now + tonumber(ARGV[6]), deadline))
local at = stamp(now)

redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[4])
redis.call('HSET', KEYS[1], 'id', id, 'state', 'accepted', 'rev', 1, 'fence', 0, 'accepted_at', at, 'queued_at', at,
  'updated_at', at, 'deadline_at', stamp(deadline), 'deadline_s', ARGV[5], 'look_at', look, 'tenant', ARGV[7],
  'priority', ARGV[8], unpack(ARGV, 12))
count_in(prefix, KEYS[1], tenant, reserve(#ARGV[3]))
redis.call('ZADD', prefix .. ':agenda', look, id)
redis.call('ZADD', prefix .. ':in:accepted:intake', at, id)
local event = string.format('{"at":%s,"move":"accepted","state":"accepted","rev":1,"fence":0,"note":{}}', at)
redis.call('RPUSH', KEYS[1] .. ':history', event)
journal(prefix, id, event)
redis.call('PUBLISH', prefix .. ':state:' .. id, 'accepted')
if ARGV[9] ~= '1' then return {1, 'accepted', '', 0} end
enqueue(prefix, 'accepted:intake', id, ARGV[7], tonumber(ARGV[8]), now)
return {1, 'accepted', '', ring_wanted(prefix, 'accepted:intake', now) and 1 or 0}
