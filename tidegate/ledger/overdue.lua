-- The rooms whose waiting jobs nobody was woken for in a while. After order.lua.
--
-- ARGV     1 prefix
-- Returns  {room, job to ring for, room, job to ring for, …}; these wake-ups count as sent

local prefix, now, found = ARGV[1], store_time(), {}
for _, room in ipairs(redis.call('SMEMBERS', prefix .. ':rooms')) do
  local told = redis.call('HMGET', order_of(prefix, room), 'waiting', 'rung_at')
  if tonumber(told[1] or 0) < 1 then
    redis.call('SREM', prefix .. ':rooms', room)
  elseif now - tonumber(told[2] or 0) > STALE_S then
    local id = ring_for_next(prefix, room, now)
    if id ~= '' then
      found[#found + 1] = room
      found[#found + 1] = id
    end
  end
end
return found
