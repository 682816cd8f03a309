-- Remove a dead letter for good: record, history and texts. Who did it stays in the journal.
--
-- KEYS[1]  the job's hash   ARGV  1 prefix  2 job id  3 who
-- Returns  'dead' where it was removed, else its present state ('' where there is no such job)

local prefix, id = ARGV[1], ARGV[2]
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'dead' then return state or '' end
redis.call('ZREM', prefix .. ':dead', id)
for _, slot in ipairs(redis.call('HMGET', KEYS[1], 'payload', 'outside', 'placeholders', 'result')) do
  if slot then redis.call('UNLINK', prefix .. ':vault:' .. slot) end
end
redis.call('UNLINK', KEYS[1], KEYS[1] .. ':history')
local clock = redis.call('TIME')
journal(prefix, id, string.format('{"at":%d.%06d,"move":"purged","note":%s}', clock[1], clock[2],
  cjson.encode({by = ARGV[3]})))
return state
