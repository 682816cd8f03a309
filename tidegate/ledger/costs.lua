-- Costs: what runs came to, added up by day; for `tidegate costs`. A part of the scripts that end runs.
--
-- <prefix>:costs:<day>  hash: `<kind>|<tenant>|<lane>|<rule>|<model>` to eight whole numbers, see SUMS in costs.py. Kind is
--                       `job`, or `shadow` for copies. Money in billionths of a dollar. Kept for KEEP_COSTS_S.

local KEEP_COSTS_S = 120 * 86400
-- Tenants are anybody's choice, and a day's counts must stay small: past this many lines the rest is counted together.
local MOST_LINES = 5000

local function costs_note(prefix, now, kind, tenant, lane, rule, model, sums)
  local key = prefix .. ':costs:' .. period_of('day', now)
  local line = table.concat({kind, tenant, lane, rule, tostring(model)}, '|')
  -- pcall: what somebody else may have written there must not keep a job from moving.
  local had = redis.pcall('HGET', key, line)
  if not had and redis.call('HLEN', key) >= MOST_LINES then
    line = table.concat({kind, '(others)', '(others)', '(others)', '(others)'}, '|')
    had = redis.pcall('HGET', key, line)
  end
  local index = 0
  for number in string.gmatch(type(had) == 'string' and had or '', '%d+') do
    index = index + 1
    if sums[index] then sums[index] = sums[index] + tonumber(number) end
  end
  for i = 1, #sums do sums[i] = whole(sums[i]) end
  redis.pcall('HSET', key, line, table.concat(sums, ' '))
  redis.pcall('EXPIRE', key, KEEP_COSTS_S)
end

-- A run has ended. `bill`: what gate_settle says of it, or nil on a lane without a gate; `settled`: what its worker told.
local function costs_of(prefix, job, tenant, lane, to, settled, bill, now)
  local fine, said = pcall(cjson.decode, settled ~= '' and settled or '{}')
  if not fine or type(said) ~= 'table' then said = {} end
  local nano, known, model = bill and bill[1] or 0, not bill or bill[3], said.model or bill and bill[4] or '-'
  local done = to == 'succeeded'
  if not done and nano == 0 and not said.took_s then return end -- nobody was called
  local told = redis.call('HMGET', job, 'rule', 'shadow_of')
  costs_note(prefix, now, told[2] and 'shadow' or 'job', tenant, lane or '-', told[1] or '-', model, {
    1, done and 1 or 0, tonumber(said.prompt) or 0, tonumber(said.completion) or 0, nano, done and 0 or nano,
    nano_of(tonumber(said.saved_usd) or 0), known and 0 or nano,
  })
  if nano > 0 then redis.call('HINCRBY', job, 'spent_nano', whole(nano)) end
end
