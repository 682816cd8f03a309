-- The gate of a lane: whether the job that is next may begin now, whom it may call, and what came of the call.
-- After order.lua, limits.lua, hold.lua, adapt.lua, breaker.lua, balance.lua, budget.lua. transition.lua and take.lua call it.
--
-- <prefix>:gate:<lane>                hash: what the lane as a whole has let through; its retry budget
-- <prefix>:gate:<lane>@<deployment>   hash: the same of a deployment, with its breaker and what was learnt of it
-- <prefix>:gate:=<name>               hash: what all have let through that share limits of this name; calls count here, and
--                                     not at the lane or the deployment that says so
--   …/minute   sorted set: the calls of the last minute, by their time: <job>:<time>:<tokens>
--   …/day      hash: requests and tokens by steps of five minutes
--   …/flight   sorted set: jobs whose calls are under way, by when they count as lost: nothing leaks, whoever dies
--   …/recent   list: the last calls, see breaker.lua
--
-- `gate` is what the taker's policy says of the lane, see permits.py. A claim that is let through carries a permit on
-- the job's record; any move out of `running` settles it. All of it happens in the script that moves the job: a breaker
-- or a limiter of its own (purgatory, limits) would need a round trip before and one after each call, and what died
-- between them would stay reserved, or be counted twice.

local LEASES_KEPT = 4
local AGAIN_MOST_S, FULL_S = 10, 1
local EWMA, OLD_S = 0.2, 60
local SECOND = '/2' -- behind a job's id: the second call of its run, see hedge.lua

local function place_of(prefix, lane, deployment)
  return prefix .. ':gate:' .. lane .. (deployment and '@' .. deployment or '')
end

local function read_place(place)
  local flat, seen = redis.call('HGETALL', place), {}
  for at = 1, #flat, 2 do seen[flat[at]] = flat[at + 1] end
  return seen
end

-- Where the calls of a lane or a deployment count: `own` is its place.
local function counted_at(prefix, own, shared) return shared and prefix .. ':gate:=' .. shared or own end

local function flying(place, now)
  redis.call('ZREMRANGEBYSCORE', place .. '/flight', '-inf', now)
  return redis.call('ZCARD', place .. '/flight')
end

-- Seconds until there is room for a call where it counts: {place, seen, limits}, to which are added `wait`, `most` that may go
-- in a minute, and `large` where a smaller call may have room. `asks`: {prefix, holder, tokens, over}, see gate_judged.
local function look_at(at, asks, now)
  local place, seen, limits = at.place, at.seen, at.limits
  forget_old(place, seen, now)
  at.most = most_now(seen, limits, now)
  local minute
  minute, at.large = minute_wait(place, seen, at.most, asks.tokens, now)
  -- For less than a second nothing is saved, and nobody passes; but of what is shared others may take it again and again.
  at.large = at.large and (minute > FULL_S or limits.shared ~= nil)
  at.wait = math.max(number(seen, 'closed_until') - now, minute, day_wait(place, seen, limits, asks.tokens, now))
  local flight = flying(place, now)
  if limits.concurrent and flight >= limits.concurrent then at.wait = math.max(at.wait, FULL_S) end
  if seen.hold and seen.hold ~= asks.over then
    at.wait = math.max(at.wait, hold_wait(asks.prefix, place, seen, at.most, asks.holder, asks.tokens, now))
  end
  return flight
end

-- Whether the job may go on to another lane.
local function has_next(prefix, id, lane)
  local fine, decision = pcall(cjson.decode, redis.call('HGET', prefix .. ':job:' .. id, 'decision') or '')
  local lanes = fine and type(decision) == 'table' and decision.lanes
  return type(lanes) == 'table' and #lanes > 0 and lanes[#lanes] ~= lane
end

-- Whether a job that has to stay in some regions may be computed in this one; `regions`: a list in JSON, or false.
local function may_be_in(regions, region)
  if not regions or region == '*' then return true end
  local fine, names = pcall(cjson.decode, regions)
  for _, name in ipairs(fine and type(names) == 'table' and names or {}) do
    if name == region then return true end
  end
  return false
end

-- One deployment: where it counts, its load, and what the balance has to know; `open` seconds where it is left alone.
local function deployment_at(prefix, lane, one, asks, now)
  local own = place_of(prefix, lane, one.name)
  local seen = read_place(own)
  local open, probe = breaker_wait(own, seen, now)
  if open > 0 then return {open = open} end
  local place = counted_at(prefix, own, one.limits.shared)
  local counts = {place = place, seen = place == own and seen or read_place(place), limits = one.limits}
  local flight = look_at(counts, asks, now)
  local fresh = now - number(seen, 'took_at') < OLD_S
  return {
    name = one.name, weight = one.weight, place = own, counts = counts, probe = probe, model = one.model, price = one.price,
    flight = place == own and flight or flying(own, now), took = fresh and tonumber(seen.took_s) or nil,
    failing = fresh and number(seen, 'failing') or 0,
  }
end

-- Save a large job's tokens where it waits for them: at its lane, and at the deployment that may have them first. There they
-- stay for the minute that it takes; should something else be in the way by then, another deployment's may come sooner.
local function save_up(asks, whole, full, now)
  local best
  for _, one in ipairs(full) do
    local at = one.counts
    if hold_lasts(at.seen, asks.holder, now) then best = at break end
    if at.large and (not best or at.wait < best.wait) then best = at end
  end
  for _, at in pairs({whole = whole and whole.large and whole or nil, best = best}) do
    if asks.over and at.seen.hold == asks.over then hold_drop(asks.prefix, at.place, at.seen, now) end
    hold_put(asks.prefix, at.place, at.seen, asks.holder, asks.tokens, now)
  end
end

-- The estimate of a job's tokens: all, those it has, those it may write. From its record, as the lane counts.
local function tokens_of(gate, tokens, max_tokens)
  local read, written = math.ceil(tonumber(tokens or 0) * (gate.stretch or 1)), tonumber(max_tokens or 0)
  return read + written, read, written
end

-- What the gate says of a job: {verdict = 'granted', …}, {verdict = 'later', again_s = …} where it should stay in line,
-- or {verdict = 'open' or 'limited', again_s = …} where it should be claimed to go elsewhere. `large`: a smaller one may have
-- room. `first`: whether it is first in line, so that its tokens are saved up. `over`: whom it need not wait for.
local function gate_judged(prefix, lane, gate, id, now, first, over)
  local told = redis.call('HMGET', prefix .. ':job:' .. id, 'tokens', 'max_tokens', 'avoid', 'deadline_at', 'regions')
  local all, read, written = tokens_of(gate, told[1], told[2])
  local asks = {prefix = prefix, holder = holder_of(lane, id), tokens = all, over = over}
  local ready, full, again, open, open_again, allowed = {}, {}, math.huge, 0, math.huge, 0
  for _, one in ipairs(gate.deployments) do
    if may_be_in(told[5], one.region) then
      allowed = allowed + 1
      local at = deployment_at(prefix, lane, one, asks, now)
      if at.open then open, open_again = open + 1, math.min(open_again, at.open)
      elseif at.counts.wait <= 0 then ready[#ready + 1] = at
      else
        full[#full + 1], again = at, math.min(again, at.counts.wait)
      end
    end
  end
  if allowed == 0 then return {verdict = 'elsewhere'} end
  if open == allowed then return {verdict = 'open', again_s = open_again} end
  if ready[1] then again, full = 0, {} else again = math.min(again, open_again) end
  local whole
  if next(gate.limits) then
    local place = counted_at(prefix, place_of(prefix, lane), gate.limits.shared)
    whole = {place = place, seen = read_place(place), limits = gate.limits}
    look_at(whole, asks, now)
    again = math.max(again, whole.wait)
  end
  if again > 0 then
    local left = tonumber(told[4] or 0) - now
    local late = left > 0 and again > left
    if late and has_next(prefix, id, lane) then return {verdict = 'limited', again_s = again} end
    local large = whole and whole.large
    for _, one in ipairs(full) do large = large or one.counts.large end
    local saved = first and large and not late -- what comes too late is not waited for
    if saved then save_up(asks, whole, full, now) end
    return {verdict = 'later', again_s = math.min(again, AGAIN_MOST_S), large = large, saved = saved, tokens = all}
  end
  local one = chosen_of(ready, told[3])
  local price = one.price or gate.price
  return {
    verdict = 'granted', one = one, whole = whole, tokens = all,
    nano = price and nano_of((read * price.input_usd + written * price.output_usd) / 1000000) or 0,
  }
end

-- Where a permit's call counts, and all places where it is in flight.
local function places_of(prefix, permit)
  local function shared(name) return type(name) == 'string' and name or nil end
  local lane = tostring(permit.lane)
  local own = place_of(prefix, lane, tostring(permit.deployment))
  local counts = {counted_at(prefix, own, shared(permit.shared))}
  if permit.whole then counts[2] = counted_at(prefix, place_of(prefix, lane), shared(permit.whole)) end
  return counts, {own, counts[1] ~= own and counts[1] or counts[2], counts[1] ~= own and counts[2] or nil}
end

-- The permit as it is put on the record. `charged`: the accounts that budget_look found.
local function permit_of(lane, gate, verdict, id, charged, now)
  if verdict.verdict ~= 'granted' then
    return {verdict = verdict.verdict, again_s = verdict.again_s, account = verdict.account, lent = verdict.lent}
  end
  return {
    verdict = 'granted', lane = lane, deployment = verdict.one.name, tokens = verdict.tokens, nano = verdict.nano,
    model = verdict.one.model,
    accounts = charged, at = now, entry = id .. ':' .. stamp(now), probe = verdict.one.probe,
    shared = verdict.one.counts.limits.shared, whole = verdict.whole and (verdict.whole.limits.shared or true) or false,
    breaker = gate.breaker,
  }
end

-- The job was claimed with its permit: from now on the call counts.
local function gate_reserve(prefix, lane, gate, verdict, id, tries, lost_at, now)
  local one = verdict.one
  for _, at in ipairs({one.counts, verdict.whole}) do
    count_call(at.place, at.seen, at.limits, at.most, id, verdict.tokens, now)
    hold_count(prefix, at.place, at.seen, holder_of(lane, id), verdict.tokens, now)
    redis.call('ZADD', at.place .. '/flight', stamp(lost_at), id)
    redis.call('EXPIRE', at.place, KEEP_S)
  end
  if one.counts.place ~= one.place then redis.call('ZADD', one.place .. '/flight', stamp(lost_at), id) end
  if one.probe then redis.call('HSET', one.place, 'probe', id) end
  if tries == 0 then
    local place = place_of(prefix, lane)
    local left = tonumber(redis.call('HGET', place, 'retries') or RETRIES_KEPT)
    redis.call('HSET', place, 'retries', stamp(math.min(RETRIES_KEPT, left + gate.retry)))
    redis.call('EXPIRE', place, KEEP_S)
  end
end

-- What lies on a record may have been written by somebody else: it must not keep the job from moving.
local function decoded(text)
  local fine, said = pcall(cjson.decode, text)
  return fine and type(said) == 'table' and said or {}
end

-- Its worker is still at it.
local function gate_renew(prefix, id, text, lost_at)
  local permit = decoded(text)
  for call, of in pairs({[id] = permit, [id .. SECOND] = permit.second}) do
    if type(of) == 'table' and of.verdict == 'granted' then
      local _, places = places_of(prefix, of)
      for _, place in ipairs(places) do redis.call('ZADD', place .. '/flight', 'XX', stamp(lost_at), call) end
    end
  end
end

-- What the call cost today, and what it tells of its deployment's pace.
local function note_call(place, permit, said, class, tokens, usd, now)
  local seen = redis.call('HMGET', place, 'today', 'today_calls', 'today_tokens', 'today_usd', 'took_s', 'failing', 'took_at')
  local today, fresh = math.floor(now / 86400), now - tonumber(seen[7] or 0) < OLD_S
  local same = tonumber(seen[1] or -1) == today
  local function sum(at, more) return (same and tonumber(seen[at] or 0) or 0) + more end
  local set = {'today', today, 'today_calls', sum(2, 1), 'today_tokens', sum(3, tokens), 'today_usd', stamp(sum(4, usd))}
  local function smoothed(name, at, value, first)
    set[#set + 1] = name
    set[#set + 1] = stamp(fresh and tonumber(seen[at] or first) * (1 - EWMA) + value * EWMA or value)
  end
  if class ~= '' then
    smoothed('failing', 6, class == 'failed' and 1 or 0, 0)
    if class == 'ok' and said.took_s then smoothed('took_s', 5, said.took_s, said.took_s) end
    set[#set + 1] = 'took_at'
    set[#set + 1] = stamp(now)
  end
  redis.call('HSET', place, unpack(set))
  redis.call('LPUSH', place .. '/recent', string.format('%s %s %s %s', stamp(permit.at), class == '' and '-' or class,
    said.took_s and stamp(said.took_s) or '-', said.error or '-'))
  redis.call('LTRIM', place .. '/recent', 0, math.max(RECENT, tonumber(permit.breaker.calls)) - 1)
  redis.call('EXPIRE', place .. '/recent', KEEP_S)
end

-- A call has ended, in whatever way: nothing of it stays reserved. The deployment, where the call failed there; and what
-- it cost: {nano, tokens, whether that is known, model}.
local function settle_call(prefix, id, permit, said, now)
  if permit.verdict ~= 'granted' or not tonumber(permit.at) or type(permit.breaker) ~= 'table' then return nil end
  local class, place = said.outcome or '', place_of(prefix, tostring(permit.lane), tostring(permit.deployment))
  local estimate = tonumber(permit.tokens) or 0
  local tokens, held = tonumber(said.tokens) or estimate, tonumber(permit.nano) or 0
  local nano = tonumber(said.usd) and nano_of(said.usd) or held
  if permit.batch then -- its provider limits batches in a way of its own: of the gate it has the money only
    budget_settle(permit.accounts, held, estimate, nano, tokens)
    if tokens > 0 then note_call(place, permit, {}, '', tokens, nano / 1e9, now) end
    return nil, {nano, tokens, tonumber(said.usd) and true or false, tostring(permit.model)}
  end
  local counts, places = places_of(prefix, permit)
  for _, at in ipairs(places) do redis.call('ZREM', at .. '/flight', id) end
  for _, at in ipairs(counts) do correct_call(at, tostring(permit.entry), estimate, tokens) end
  budget_settle(permit.accounts, held, estimate, nano, tokens)
  note_call(place, permit, said, class, tokens, nano / 1e9, now)
  adapt(counts[1], permit, class, said.heard or {}, now)
  breaker_learn(place, permit.breaker, id, permit, class, said.error or '', now)
  for _, at in ipairs(places) do redis.call('EXPIRE', at, KEEP_S) end
  local bill = {nano, tokens, tonumber(said.usd) and true or false, tostring(permit.model)}
  if class == 'failed' or class == 'down' or class == 'limited' then return tostring(permit.deployment), bill end
  return nil, bill
end

-- What is known of a run's two calls. `said.hedge` tells whose answer counted: 'first' or 'second'; 'unused': the second was
-- never made. The one that was cut off may have cost as much. Where both failed, or nobody knows, its estimate stands.
local function hedge_said(said)
  local cut = {tokens = said.tokens, usd = said.usd}
  if said.hedge == 'second' then return cut, said end
  if said.hedge == 'first' then return said, cut end
  return said, said.hedge == 'unused' and {tokens = 0, usd = 0} or {}
end

-- The run has ended: its call, and the second one where there was one.
local function gate_settle(prefix, id, text, settled, now)
  local permit, said = decoded(text), settled ~= '' and decoded(settled) or {}
  if type(permit.second) ~= 'table' then return settle_call(prefix, id, permit, said, now) end
  local first, second = hedge_said(said)
  local _, more = settle_call(prefix, id .. SECOND, permit.second, second, now)
  local failed_at, bill = settle_call(prefix, id, permit, first, now)
  if bill and more then bill = {bill[1] + more[1], bill[2] + more[2], bill[3] and more[3], bill[4]} end
  return failed_at, bill
end
