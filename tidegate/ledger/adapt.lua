-- Adapting to what a deployment's provider really lets through. After limits.lua. In the place's hash:
--   told_requests, told_tokens, told_at   the limits that the provider names with its answers
--   factor, factor_at, base               the share of the limit that is used since it refused a call; `base` stands in
--                                         for the limit where nobody has named one: what went through in the last
--                                         minute, but BASE_LEAST at least: a lane that has just begun has had few calls
--   closed_until                          it asked to be left alone until then
--
-- Where the provider names its limits the lower of the two counts at once. Where it refuses, the share is halved (once
-- for all the calls that were under way) and grows again by half of the limit a minute. But one refusal in a minute that
-- says when to come again is waited for and no more: calls that came late made a burst of an even pace, and to halve for
-- that costs a minute's calls. `refused_at`: the last refusal of a call that had begun after the one before.

local TOLD_S, HALVE, GROWS_A_MINUTE, FACTOR_LEAST = 600, 0.5, 0.5, 1 / 64
local REFUSED_S, REFUSED_LEAST_S, ONCE_S = 1, 0.1, 60
local BASE_LEAST = 300 -- a minute; where that is too many, further refusals halve it

local function factor_of(seen, now)
  local factor = tonumber(seen.factor)
  if not factor then return 1 end
  return math.min(1, factor + GROWS_A_MINUTE * (now - number(seen, 'factor_at')) / 60)
end

local function lower(one, other)
  if one and other then return math.min(one, other) end
  return one or other
end

-- What may go in a minute now: {requests, tokens}; nil is as much as you like.
local function most_now(seen, limits, now)
  local factor, told = factor_of(seen, now), {}
  if now - number(seen, 'told_at') < TOLD_S then
    told = {requests = tonumber(seen.told_requests), tokens = tonumber(seen.told_tokens)}
  end
  local requests = lower(limits.requests_per_minute, told.requests)
  local tokens = lower(limits.tokens_per_minute, told.tokens)
  if factor == 1 then return {requests = requests, tokens = tokens} end
  return {requests = math.max(1, (requests or tonumber(seen.base) or 1) * factor), tokens = tokens and tokens * factor}
end

-- A call's answer: what it said of the limits, and whether it was refused for them.
local function adapt(place, permit, class, heard, now)
  local set = {}
  local function put(name, value)
    set[#set + 1] = name
    set[#set + 1] = value
  end
  local closed = 0
  for _, kind in ipairs({'requests', 'tokens'}) do
    local most, left, reset_s = heard[kind .. '_limit'], heard[kind .. '_left'], heard[kind .. '_reset_s']
    if most and most >= 1 then
      put('told_' .. kind, most)
      put('told_at', stamp(now))
    end
    -- Nothing left: refused, all of it counts. On an answer it is how long a bucket takes to be full again, and one call
    -- fits sooner.
    if left == 0 and reset_s then
      closed = math.max(closed, class == 'limited' and reset_s or reset_s / math.max(1, kind == 'requests' and most or 20))
    end
  end
  if class == 'limited' then
    closed = math.max(heard.retry_after_s or math.max(closed, REFUSED_S), REFUSED_LEAST_S)
    local seen = redis.call('HMGET', place, 'factor', 'factor_at', 'refused_at')
    local factor, refused_at = factor_of({factor = seen[1], factor_at = seen[2]}, now), tonumber(seen[3] or 0)
    if permit.at >= refused_at then -- those that began before learnt nothing new
      put('refused_at', stamp(now))
      if not heard.retry_after_s or now - refused_at <= ONCE_S then
        put('factor', stamp(math.max(FACTOR_LEAST, factor * HALVE)))
        put('factor_at', stamp(now))
        if factor == 1 then put('base', math.max(BASE_LEAST, redis.call('ZCARD', place .. '/minute'))) end
      end
    end
  end
  local before = tonumber(redis.call('HGET', place, 'closed_until') or 0)
  if closed > 0 and now + closed > before then put('closed_until', stamp(now + closed)) end
  if set[1] then redis.call('HSET', place, unpack(set)) end
end
