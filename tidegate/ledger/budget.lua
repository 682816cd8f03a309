-- Budgets: whether a call may be paid for, and what it cost in the end. Before gate.lua.

-- Charge the estimate to the accounts: nil and what settling must know, or the name of the one that is exhausted.
local function budget_reserve(prefix, accounts, usd, tokens, now, tenant)
  return nil, nil
end

-- The call cost `usd` and `tokens` in the end. `permit` holds what was reserved: accounts, usd, tokens.
local function budget_settle(prefix, permit, usd, tokens, now)
end
