-- Passing: who of a gated lane's line may begin now. Mostly that is who is first; where there is no room for the tokens of
-- that one, smaller ones behind it may pass, as far as hold.lua lets them. After gate.lua.
--
-- In the hash of the lane's line: `saved`, the job that was first when there was no room for it. It has the first right from
-- then on, though its tenant's turn may be used up by one who passed it.

local LOOKS, JUDGED = 32, 4
local function no_wish() return false end

-- The job that tokens are saved for, where it waits still and nobody of a more urgent band is first: {id, tenant, band}.
local function saved_in_line(prefix, room, first_band)
  local id = redis.call('HGET', order_of(prefix, room), 'saved')
  if not id then return nil end
  local told = redis.call('HMGET', prefix .. ':job:' .. id, 'tenant', 'priority')
  local tenant, band = told[1] or 'default', band_of(told[2] or 5)
  if not redis.call('ZSCORE', order_of(prefix, room) .. ':' .. band .. ':' .. tenant, id) then
    redis.call('HDEL', order_of(prefix, room), 'saved')
    return nil
  end
  return {id, tenant, band}, band == BANDS[2] and first_band == BANDS[1]
end

-- Who may begin: {id, tenant, band, verdict = the gate's, first = whether it is its turn}; or nil, the seconds after which
-- to ask again, and one who waits; or nothing at all where nobody does. `elsewhere`: moves a job that needs no room out of
-- line, and says so.
local function next_by_gate(prefix, lane, room, gate, now, elsewhere)
  local first, band = first_in_line(prefix, room)
  while first and elsewhere(first[1]) do first, band = first_in_line(prefix, room) end
  if not first then return nil end
  local saved, urgent = saved_in_line(prefix, room, band)
  if saved and elsewhere(saved[1]) then saved, urgent = nil, nil end
  local over = urgent and holder_of(lane, saved[1]) or nil
  local turn = {first[1], first[2], band, first = true}
  local head = saved and not urgent and saved[1] ~= first[1] and saved or turn
  head.verdict = gate_judged(prefix, lane, gate, head[1], now, true, over)
  if head.verdict.verdict ~= 'later' then return head end
  local again, least_tokens, judged = head.verdict.again_s, head.verdict.tokens, 1
  if not head.verdict.large then return nil, again, head[1] end
  if head.verdict.saved then redis.call('HSET', order_of(prefix, room), 'saved', head[1]) end
  for _, one in ipairs(near_in_line(prefix, room, band, LOOKS, head[1])) do
    if judged == JUDGED then break end
    local told = redis.call('HMGET', prefix .. ':job:' .. one[1], 'tokens', 'max_tokens')
    -- Of those who are as large as one that has no room none has.
    if tokens_of(gate, told[1], told[2]) < least_tokens and not elsewhere(one[1]) then
      one.verdict, judged = gate_judged(prefix, lane, gate, one[1], now, false, over), judged + 1
      if one.verdict.verdict ~= 'later' then
        one.first = one[1] == first[1]
        return one
      end
      again, least_tokens = math.min(again, one.verdict.again_s), one.verdict.tokens
    end
  end
  return nil, again, head[1]
end

-- It begins: out of line.
local function leave_line(prefix, room, one)
  if one.first then next_in_line(prefix, room)
  elseif one[2] then pass_in_line(prefix, room, one) end
end
