-- Budgets: what may be spent is held when a run begins and settled when it ends, in the same script as the move.
--
-- <prefix>:budget:<name>:<period>  hash; for each account (a tenant, or * for all): `<account>:usd`, `:usd_held`, `:tokens`,
--                                  `:tokens_held`, and `:told` once it was told that it comes to its end
--
-- Money is counted in whole billionths of a dollar: sums of floats do not add up. A period is told by the store's clock, in
-- UTC; what was held in one is settled in the same one, however late. Accounts go some time after their period. A write that
-- the store refuses (somebody wrote there what is no number) must not keep a job from moving: so pcall.

local KEEP_BUDGET_S = 35 * 86400

local function nano_of(usd) return math.max(0, math.ceil(usd * 1e9 - 0.0005)) end
-- As a command wants a whole number; what is added turns -0 into 0, which it would refuse.
local function whole(value) return string.format('%.0f', value + 0) end

-- Year and month of a day since 1970, and the first day of the next month: civil calendar without a table.
local function month_of(day)
  local z = day + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return year, month, doy - math.floor((153 * mp + 2) / 5) + 1
end

local LENGTHS = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

-- The period of a moment: its name, and when it ends.
local function period_of(per, now)
  local day = math.floor(now / 86400)
  local year, month, date = month_of(day)
  if per == 'day' then return string.format('%04d%02d%02d', year, month, date), (day + 1) * 86400 end
  local leap = month == 2 and year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  local left = LENGTHS[month] + (leap and 1 or 0) - date + 1
  return string.format('%04d%02d', year, month), (day + left) * 86400
end

-- Whether a tenant's jobs count.
local function concerns(budget, tenant)
  if not budget.tenants then return true end
  for _, one in ipairs(budget.tenants) do
    if one == tenant then return true end
  end
  return false
end

-- What keeps a job from being held: nil, or {name, 'spent' or 'held', seconds until the period's end}. `spent`: whatever is
-- settled by others, there will be no room in this period. `held`: there may be when others have settled.
-- And the accounts to hold it on. Nothing is written.
local function budget_look(prefix, budgets, tenant, usd, tokens, now)
  local accounts, full = {}, nil
  for _, budget in ipairs(budgets or {}) do
    if concerns(budget, tenant) then
      local period, ends = period_of(budget.per, now)
      local key, name = prefix .. ':budget:' .. budget.name .. ':' .. period, budget.each and tenant or '*'
      local had = redis.pcall('HMGET', key, name .. ':usd', name .. ':usd_held', name .. ':tokens', name .. ':tokens_held')
      -- Somebody else may have written what is no number: then all is spent, and no job stands still.
      local function count(at) return not had.err and tonumber(had[at] or 0) or math.huge end
      local spent_usd, held_usd, spent_tokens, held_tokens = count(1), count(2), count(3), count(4)
      local function over(more_usd, more_tokens)
        return (budget.usd and spent_usd + more_usd + usd > budget.usd)
          or (budget.tokens and spent_tokens + more_tokens + tokens > budget.tokens)
      end
      if budget.hard then
        local why = over(0, 0) and 'spent' or over(held_usd, held_tokens) and 'held' or nil
        if why and (not full or (full[2] == 'held' and why == 'spent')) then full = {budget.name, why, ends - now} end
      end
      accounts[#accounts + 1] = {key, name, math.ceil(ends - now) + KEEP_BUDGET_S}
    end
  end
  return full, accounts
end

-- Hold an estimate on each of the accounts that `budget_look` found.
local function budget_hold(accounts, usd, tokens)
  for _, account in ipairs(accounts or {}) do
    redis.pcall('HINCRBY', account[1], account[2] .. ':usd_held', whole(usd))
    redis.pcall('HINCRBY', account[1], account[2] .. ':tokens_held', whole(tokens))
    redis.pcall('EXPIRE', account[1], account[3])
  end
end

-- The accounts of a permit, which lies on a record that others may write: no key of anything else is one.
local function of_permit(accounts)
  local found = {}
  for _, account in ipairs(type(accounts) == 'table' and accounts or {}) do
    local key, name = type(account) == 'table' and account[1], type(account) == 'table' and account[2]
    if type(key) == 'string' and type(name) == 'string' and string.match(key, '^[^:]*:budget:') then
      found[#found + 1] = account
    end
  end
  return found
end

-- What was held is held no more; what was spent, is spent.
local function budget_settle(accounts, held_usd, held_tokens, usd, tokens)
  for _, account in ipairs(of_permit(accounts)) do
    local function add(field, value)
      return redis.pcall('HINCRBY', account[1], account[2] .. ':' .. field, whole(value))
    end
    local function give_back(field, value)
      local left = add(field, -value)
      -- An account that had gone meanwhile holds nothing: it must not come back with less than nothing.
      if type(left) == 'number' and left < 0 then redis.pcall('HSET', account[1], account[2] .. ':' .. field, 0) end
    end
    give_back('usd_held', held_usd)
    give_back('tokens_held', held_tokens)
    add('usd', usd)
    add('tokens', tokens)
    if redis.pcall('TTL', account[1]) == -1 then redis.pcall('EXPIRE', account[1], KEEP_BUDGET_S) end
  end
end
