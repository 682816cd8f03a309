-- Costs: what runs came to, added up by day; for `tidegate costs`. A part of the scripts that end runs.
--
-- <prefix>:costs:<day>  hash: `<kind>|<tenant>|<lane>|<rule>|<model>` to eight whole numbers, see SUMS in costs.py. Kind is
--                       `job`, or `shadow` for copies. Money in billionths of a dollar. Kept for KEEP_COSTS_S.

local KEEP_COSTS_S = 120 * 86400
-- Tenants are anybody's choice, and a day's counts must stay small: past this many lines the rest is counted together.
local MOST_LINES = 5000

local function costs_note(prefix, now, kind, tenant, lane, rule, model, sums)
  local key = prefix .. ':costs:' .. period_of('day', now)
  local line = table.concat({kind, tenant, lane, rule, model}, '|')
  local had = redis.call('HGET', key, line)
  if not had and redis.call('HLEN', key) >= MOST_LINES then
    line = table.concat({kind, '(others)', '(others)', '(others)', '(others)'}, '|')
    had = redis.call('HGET', key, line)
  end
  local index = 0
  for number in string.gmatch(had or '', '%-?%d+') do
    index = index + 1
    sums[index] = (sums[index] or 0) + tonumber(number)
  end
  for i = 1, #sums do sums[i] = string.format('%.0f', sums[i]) end
  redis.call('HSET', key, line, table.concat(sums, ' '))
  redis.call('EXPIRE', key, KEEP_COSTS_S)
end
