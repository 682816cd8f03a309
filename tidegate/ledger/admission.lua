-- Admission: whether one more job may come in, and the count of those that are in.
--
-- Put before the scripts that begin and end jobs, so that the count changes with the state or not at all. A job that is
-- counted carries what it reserved in its field `reserved`: it is counted once, and taken off once, whatever is repeated.

-- What a job may need beside its payload before it ends: decision, history, wake-ups, an ordinary result.
local PER_JOB = 8192

-- What an open job has yet to take: a copy of its payload for the outside, and the rest.
local function reserve(payload_bytes) return payload_bytes + PER_JOB end

-- The limit that a new job would break, as {name, used, allowed, ends a second}, or nil.
-- `limits` is "open,per tenant,oldest wait in seconds,headroom", or '' where nobody is refused. They are the caller's:
-- where a janitor tells the installation's, those count.
local function refused(prefix, tenant, bytes, limits)
  if limits == '' then return nil end
  local pressure = redis.call('HMGET', prefix .. ':pressure', 'oldest_s', 'ends_per_s', 'limits')
  local most, per_tenant, wait, headroom = string.match(pressure[3] or limits, '^(%d+),(%d+),([%d.]+),([%d.]+)$')
  if not most then return nil end
  local open = redis.call('HMGET', prefix .. ':open', 'jobs', 'bytes', 'tenant:' .. tenant)
  local function over(name, used, allowed)
    return {name, string.format('%.0f', used), string.format('%.0f', allowed), pressure[2] or '0'}
  end
  local jobs, of_tenant, oldest = tonumber(open[1] or 0), tonumber(open[3] or 0), tonumber(pressure[1] or 0)
  if jobs >= tonumber(most) then return over('open', jobs, tonumber(most)) end
  if of_tenant >= tonumber(per_tenant) then return over('tenant', of_tenant, tonumber(per_tenant)) end
  if oldest > tonumber(wait) then return over('wait', oldest, tonumber(wait)) end
  -- A server that does not let us ask is watched by nobody but itself: it says so when it is full.
  local info = redis.pcall('INFO', 'memory')
  if type(info) ~= 'string' then return nil end
  local used, most_bytes = string.match(info, 'used_memory:(%d+)'), string.match(info, '\nmaxmemory:(%d+)')
  if used and most_bytes and tonumber(most_bytes) > 0 then
    local wanted = tonumber(used) + tonumber(open[2] or 0) + bytes
    local allowed = tonumber(most_bytes) * (1 - tonumber(headroom))
    if wanted > allowed then return over('memory', wanted, allowed) end
  end
  return nil
end

-- The job of this hash is open from now on, and may need so many bytes more before it ends.
local function count_in(prefix, job, tenant, bytes)
  if redis.call('HSETNX', job, 'reserved', bytes) == 0 then return end
  redis.call('HINCRBY', prefix .. ':open', 'jobs', 1)
  redis.call('HINCRBY', prefix .. ':open', 'bytes', bytes)
  redis.call('HINCRBY', prefix .. ':open', 'tenant:' .. tenant, 1)
end

-- It has ended. What it reserved is told by its own record: a later release may reserve more.
local function count_out(prefix, job)
  local was = redis.call('HMGET', job, 'reserved', 'tenant')
  if not was[1] then return end
  redis.call('HDEL', job, 'reserved')
  redis.call('HINCRBY', prefix .. ':open', 'jobs', -1)
  redis.call('HINCRBY', prefix .. ':open', 'bytes', -tonumber(was[1]))
  local tenant = 'tenant:' .. (was[2] or 'default')
  if redis.call('HINCRBY', prefix .. ':open', tenant, -1) <= 0 then redis.call('HDEL', prefix .. ':open', tenant) end
end

