-- Put a new job on record together with its sealed payload, or say what is there already.
--
-- KEYS[1]  the job's hash   KEYS[2]  the payload's slot in the vault
-- ARGV     1 prefix  2 job id  3 envelope  4 seconds to keep the envelope  5 seconds until the deadline
--          6 seconds until the janitor looks  7 limits, see admission.lua  8... fields and values
-- Returns  {1, 'accepted', fingerprint}, {0, present state, its fingerprint}, or {-1, limit, used, allowed, ends a second}

local present = redis.call('HMGET', KEYS[1], 'state', 'fingerprint')
if present[1] then return {0, present[1], present[2] or ''} end

local prefix, id = ARGV[1], ARGV[2]
local tenant = 'default'
for i = 8, #ARGV, 2 do if ARGV[i] == 'tenant' then tenant = ARGV[i + 1] end end
local full = refused(prefix, tenant, #ARGV[3] + reserve(#ARGV[3]), ARGV[7])
if full then return {-1, unpack(full)} end
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local function stamp(value) return string.format('%.6f', value) end
local deadline = now + tonumber(ARGV[5])
local look = math.min(now + tonumber(ARGV[6]), deadline)

redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[4])
for i = 8, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], 'id', id, 'state', 'accepted', 'rev', 1, 'fence', 0, 'accepted_at', stamp(now),
  'updated_at', stamp(now), 'deadline_at', stamp(deadline), 'deadline_s', ARGV[5], 'look_at', stamp(look))
count_in(prefix, KEYS[1], tenant, reserve(#ARGV[3]))
redis.call('ZADD', prefix .. ':agenda', stamp(look), id)
redis.call('ZADD', prefix .. ':in:accepted:intake', stamp(now), id)
local event = string.format('{"at":%s,"move":"accepted","state":"accepted","rev":1,"fence":0,"note":{}}', stamp(now))
redis.call('RPUSH', KEYS[1] .. ':history', event)
journal(prefix, id, event)
redis.call('PUBLISH', prefix .. ':state:' .. id, 'accepted')
return {1, 'accepted', ''}
