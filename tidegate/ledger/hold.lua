-- Holds: a large job's tokens are saved up for it, while smaller ones behind it go on. After limits.lua.
--
-- <place>/holds  sorted set: `<lane>|<job>` for which a minute's tokens had no room, by when that was first said. They are
--                saved for one after the other. In the place's hash, of the first of them:
--   hold         who it is      hold_tokens  what it needs      hold_at  since when they are saved
--   hold_passed  the tokens of those who went meanwhile         hold_seen  when it last asked
--
-- Who passes it takes at most half of the limit's pace, and no more than the limit has beside what it needs; and what they
-- took has drained from the bucket a minute after `hold_at`. So by then all that was in the log before has left it, what
-- they took leaves room for it, and it goes: the test is tests/contract/test_passing.py. Who asks no more (its workers have
-- gone, or it waits for something else by now) is forgotten, so that none is held up for nobody.

local PASS_SHARE, ASKS_S = 0.5, 20

local function holder_of(lane, id) return lane .. '|' .. id end

-- Whether a job still waits in its lane's line.
local function hold_waits(prefix, holder)
  local lane, id = string.match(holder, '^([^|]*)|(.*)$')
  local told = redis.call('HMGET', prefix .. ':job:' .. id, 'state', 'lane')
  return told[1] == 'placed' and told[2] == lane
end

-- Save for the first of those who still wait.
local function hold_first(prefix, place, seen, now)
  local first = redis.call('ZRANGE', place .. '/holds', 0, 0)[1]
  while first and not hold_waits(prefix, string.match(first, '^(.*) %d+$')) do
    redis.call('ZREM', place .. '/holds', first)
    first = redis.call('ZRANGE', place .. '/holds', 0, 0)[1]
  end
  if not first then
    redis.call('HDEL', place, 'hold', 'hold_tokens', 'hold_at', 'hold_passed', 'hold_seen')
    seen.hold = nil
    return
  end
  seen.hold, seen.hold_tokens = string.match(first, '^(.*) (%d+)$')
  seen.hold_at, seen.hold_passed, seen.hold_seen = stamp(now), 0, stamp(now)
  redis.call('HSET', place, 'hold', seen.hold, 'hold_tokens', seen.hold_tokens, 'hold_at', seen.hold_at,
    'hold_passed', 0, 'hold_seen', seen.hold_seen)
end

local function hold_drop(prefix, place, seen, now)
  redis.call('ZREM', place .. '/holds', seen.hold .. ' ' .. seen.hold_tokens)
  hold_first(prefix, place, seen, now)
end

-- The first of its line has no room for its tokens: from now on they are saved.
local function hold_put(prefix, place, seen, holder, tokens, now)
  if seen.hold == holder then
    redis.call('HSET', place, 'hold_seen', stamp(now))
    return
  end
  redis.call('ZADD', place .. '/holds', 'NX', stamp(now), holder .. ' ' .. tokens)
  redis.call('EXPIRE', place .. '/holds', KEEP_S)
  if not seen.hold then hold_first(prefix, place, seen, now) end
end

-- Whether tokens are being saved for this job, and for no longer than that should take.
local function hold_lasts(seen, holder, now)
  return seen.hold == holder and now <= number(seen, 'hold_at') + MINUTE_S + 1
end

-- Seconds until one of so many tokens may pass the one that is saved for; 0 where it may, or where there is none.
local function hold_wait(prefix, place, seen, most, holder, tokens, now)
  while seen.hold and seen.hold ~= holder
    and (now - number(seen, 'hold_seen') > ASKS_S or not hold_waits(prefix, seen.hold)) do
    hold_drop(prefix, place, seen, now)
  end
  if not seen.hold or seen.hold == holder or not most.tokens then return 0 end
  local pace, over = most.tokens / MINUTE_S, number(seen, 'hold_at') + MINUTE_S
  local needs, cost = least(number(seen, 'hold_tokens'), most.tokens), least(tokens, most.tokens)
  local share = math.min(PASS_SHARE, 1 - needs / math.max(1, math.floor(most.tokens)))
  local saved = share > 0 and (number(seen, 'hold_passed') + cost) / (share * pace) or MINUTE_S
  local drained = now + (level(seen, 'paced_tokens', most.tokens, now) + cost) / pace
  if saved >= MINUTE_S or drained > over then return math.max(1, over - now) end
  return math.max(0, number(seen, 'hold_at') + saved - now)
end

-- A call goes: that of the one who was saved for, or of one who passed it.
local function hold_count(prefix, place, seen, holder, tokens, now)
  if not seen.hold then return end
  if seen.hold == holder then hold_drop(prefix, place, seen, now)
  else redis.call('HINCRBY', place, 'hold_passed', tokens) end
end
