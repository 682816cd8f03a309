-- Load balancing: which of a lane's deployments with room is called. Before gate.lua, which fills in what is known of each.

local SLOW_MOST, FAILING = 4, 9

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
