-- Add fields to a record, if there is one.
--
-- KEYS[1]  the job's hash   ARGV  fields and values   Returns  1, or 0 where there is no record

if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
