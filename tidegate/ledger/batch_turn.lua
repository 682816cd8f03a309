-- Begin, or go on, to collect a lane's batches: one does so at a time.
--
-- KEYS[1]  whose turn it is   ARGV  1 token  2 milliseconds that it lasts, or 0 to end it  3 the rest of what is told there
-- Returns  1, or 0 where it is another's turn

local present = redis.call('GET', KEYS[1])
if present and string.sub(present, 1, #ARGV[1] + 1) ~= ARGV[1] .. '|' then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1])
else redis.call('SET', KEYS[1], ARGV[1] .. '|' .. ARGV[3], 'PX', ARGV[2]) end
return 1
