-- The gate of a lane: whether the job that is next may begin now, whom it may call, and what came of the call.
-- After order.lua, limits.lua, adapt.lua, breaker.lua, budget.lua. transition.lua and take.lua call it.
--
-- <prefix>:gate:<lane>                hash: what the lane as a whole has let through; its retry budget
-- <prefix>:gate:<lane>@<deployment>   hash: the same of a deployment, with its breaker and what was learnt of it
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
local EWMA, SLOW_MOST, FAILING = 0.2, 4, 9
local OLD_S = 60
local SECOND = '/2' -- behind a job's id: the second call of its run, see hedge.lua

local function place_of(prefix, lane, deployment)
  return prefix .. ':gate:' .. lane .. (deployment and '@' .. deployment or '')
end

local function read_place(place)
  local flat, seen = redis.call('HGETALL', place), {}
  for at = 1, #flat, 2 do seen[flat[at]] = flat[at + 1] end
  return seen
end

-- Seconds until a place has room for a call; how many are in flight there; what may go in a minute.
local function wait_of(place, seen, limits, tokens, now)
  forget_old(place, seen, now)
  redis.call('ZREMRANGEBYSCORE', place .. '/flight', '-inf', now)
  local flight, most = redis.call('ZCARD', place .. '/flight'), most_now(seen, limits, now)
  local wait = math.max(number(seen, 'closed_until') - now, minute_wait(place, seen, most, tokens, now),
    day_wait(place, seen, limits, tokens, now))
  if limits.concurrent and flight >= limits.concurrent then wait = math.max(wait, FULL_S) end
  return wait, flight, most
end

-- Of those with room: the least loaded for its weight, where slow and failing ones count as more loaded; ties by chance.
local function chosen_of(ready, avoid)
  if #ready > 1 and avoid then
    for at = #ready, 1, -1 do
      if ready[at].name == avoid then table.remove(ready, at) end
    end
  end
  local fastest
  for _, one in ipairs(ready) do
    if one.probe then return one end
    if one.took then fastest = math.min(fastest or one.took, one.took) end
  end
  local least_load, shares = math.huge, 0
  for _, one in ipairs(ready) do
    local slow = one.took and fastest > 0 and math.min(SLOW_MOST, one.took / fastest) or 1
    local drag = slow * (1 + FAILING * one.failing)
    one.load, one.share = one.flight / one.weight * drag, one.weight / drag
    least_load = math.min(least_load, one.load)
  end
  for _, one in ipairs(ready) do
    if one.load <= least_load * 1.001 then shares = shares + one.share end
  end
  local draw = math.random() * shares
  local last
  for _, one in ipairs(ready) do
    if one.load <= least_load * 1.001 then
      last, draw = one, draw - one.share
      if draw < 0 then break end
    end
  end
  return last
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

-- What the gate says of a job: {verdict = 'granted', …}, {verdict = 'later', again_s = …} where it should stay in line,
-- or {verdict = 'open' or 'limited', again_s = …} where it should be claimed to go elsewhere.
local function gate_judged(prefix, lane, gate, id, now)
  local told = redis.call('HMGET', prefix .. ':job:' .. id, 'tokens', 'max_tokens', 'avoid', 'deadline_at', 'regions')
  local read, written = math.ceil(tonumber(told[1] or 0) * (gate.stretch or 1)), tonumber(told[2] or 0)
  local ready, again, open, open_again = {}, math.huge, 0, math.huge
  local allowed = {}
  for _, one in ipairs(gate.deployments) do
    if may_be_in(told[5], one.region) then allowed[#allowed + 1] = one end
  end
  if not allowed[1] then return {verdict = 'elsewhere'} end
  for _, one in ipairs(allowed) do
    local place = place_of(prefix, lane, one.name)
    local seen = read_place(place)
    local wait, probe = breaker_wait(place, seen, now)
    if wait > 0 then
      open, open_again = open + 1, math.min(open_again, wait)
    else
      local full, flight, most = wait_of(place, seen, one.limits, read + written, now)
      again = math.min(again, full > 0 and full or math.huge)
      if full <= 0 then
        local fresh = now - number(seen, 'took_at') < OLD_S
        ready[#ready + 1] = {
          name = one.name, weight = one.weight, place = place, seen = seen, limits = one.limits, most = most,
          flight = flight, probe = probe, model = one.model, took = fresh and tonumber(seen.took_s) or nil,
          failing = fresh and number(seen, 'failing') or 0, price = one.price or gate.price,
        }
      end
    end
  end
  if open == #allowed then return {verdict = 'open', again_s = open_again} end
  again = ready[1] and 0 or math.min(again, open_again)
  local whole
  if next(gate.limits) then
    whole = {place = place_of(prefix, lane), limits = gate.limits}
    whole.seen = read_place(whole.place)
    local full, _, most = wait_of(whole.place, whole.seen, gate.limits, read + written, now)
    again, whole.most = math.max(again, full), most
  end
  if again > 0 then
    local left = tonumber(told[4] or 0) - now
    if left > 0 and again > left and has_next(prefix, id, lane) then return {verdict = 'limited', again_s = again} end
    return {verdict = 'later', again_s = math.min(again, AGAIN_MOST_S)}
  end
  local one = chosen_of(ready, told[3])
  local price = one.price
  return {
    verdict = 'granted', one = one, whole = whole, tokens = read + written,
    nano = price and nano_of((read * price.input_usd + written * price.output_usd) / 1000000) or 0,
  }
end

-- Where a permit's call counts.
local function places_of(prefix, permit)
  local lane, deployment = tostring(permit.lane), tostring(permit.deployment)
  local places = {place_of(prefix, lane, deployment)}
  if permit.whole then places[2] = place_of(prefix, lane) end
  return places
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
    whole = verdict.whole and true or false, breaker = gate.breaker,
  }
end

-- The job was claimed with its permit: from now on the call counts.
local function gate_reserve(prefix, lane, gate, verdict, id, tries, lost_at, now)
  for _, at in ipairs({verdict.one, verdict.whole}) do
    count_call(at.place, at.seen, at.limits, at.most, id, verdict.tokens, now)
    redis.call('ZADD', at.place .. '/flight', stamp(lost_at), id)
    redis.call('EXPIRE', at.place, KEEP_S)
  end
  if verdict.one.probe then redis.call('HSET', verdict.one.place, 'probe', id) end
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
      for _, place in ipairs(places_of(prefix, of)) do
        redis.call('ZADD', place .. '/flight', 'XX', stamp(lost_at), call)
      end
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
  for _, at in ipairs(places_of(prefix, permit)) do
    redis.call('ZREM', at .. '/flight', id)
    correct_call(at, tostring(permit.entry), estimate, tokens)
  end
  budget_settle(permit.accounts, held, estimate, nano, tokens)
  note_call(place, permit, said, class, tokens, nano / 1e9, now)
  adapt(place, permit, class, said.heard or {}, now)
  breaker_learn(place, permit.breaker, id, permit, class, said.error or '', now)
  redis.call('EXPIRE', place, KEEP_S)
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
