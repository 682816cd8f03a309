-- Take jobs that were set aside into a batch that is being formed; the first time, put that on record. What they may cost
-- is held in the same step, at the price that a batch has. After gate.lua and transition.lua.
--
-- ARGV     1 prefix  2 lane  3 token of the lane's batcher  4 the batch's id  5 how many jobs at most  6 bytes of payload at
--          which to stop  7 seconds until the janitor looks  8 field of the record that names the payload's slot
--          9 the lane's gate as JSON, or '' (see gate.lua)  10 the deployment  11 share of the price  12 seconds until a
--          job that goes back to the line is looked at  13... fields and values of the batch's record
-- Returns  {jobs taken, bytes of their payloads, jobs still set aside} or {-1}: another collects the lane's batches now

local prefix, lane, id, deployment, share = ARGV[1], ARGV[2], ARGV[4], ARGV[10], tonumber(ARGV[11])
local batch, pot, now = prefix .. ':batch:' .. id, prefix .. ':batchable:' .. lane, store_time()
local gate = ARGV[9] ~= '' and cjson.decode(ARGV[9]) or nil
local batcher = redis.call('GET', prefix .. ':batcher:' .. lane)
if not batcher or string.sub(batcher, 1, #ARGV[3] + 1) ~= ARGV[3] .. '|' then return {-1} end

-- What a job may cost, as a permit; nil where a budget has no room for it.
local function permitted(job, tokens, max_tokens, tenant)
  if not gate then return '' end
  local price, model
  for _, one in ipairs(gate.deployments) do
    if one.name == deployment then price, model = one.price, one.model end
  end
  local read, written = math.ceil(tonumber(tokens or 0) * (gate.stretch or 1)), tonumber(max_tokens or 0)
  local nano = price and nano_of(share * (read * price.input_usd + written * price.output_usd) / 1000000) or 0
  local full, accounts = budget_look(prefix, gate.accounts, tenant or 'default', nano, read + written, now)
  if full then return nil end
  budget_hold(accounts, nano, read + written)
  return cjson.encode({verdict = 'granted', batch = true, lane = lane, deployment = deployment, model = model,
    tokens = read + written, nano = nano, accounts = accounts, at = now, entry = job, breaker = gate.breaker})
end

local taken, bytes = 0, 0
for _, job in ipairs(redis.call('ZRANGE', pot, 0, tonumber(ARGV[5]) - 1)) do
  if bytes >= tonumber(ARGV[6]) then break end
  redis.call('ZREM', pot, job)
  local told = redis.call('HMGET', prefix .. ':job:' .. job, 'state', 'lane', 'batch', ARGV[8], 'tokens', 'max_tokens',
    'tenant')
  if told[1] == 'batched' and told[2] == lane and not told[3] then
    local permit = permitted(job, told[5], told[6], told[7])
    if not permit then
      -- In its line it meets the budget's word as any job does.
      move(prefix, job, {'batched', 'placed', '', '', '', ARGV[12], '0', 'left_batch', '{"gate":"budget"}', '',
        'left-' .. job .. stamp(now), '', '0'}, 1)
    else
      if taken == 0 and redis.call('EXISTS', batch) == 0 then
        redis.call('HSET', batch, 'id', id, 'lane', lane, 'formed_at', stamp(now), unpack(ARGV, 13))
        redis.call('ZADD', prefix .. ':batches', stamp(now), id)
      end
      local moved = move(prefix, job, {'batched', 'batched', '', '', '1', ARGV[7], '0', 'batched',
        '{"batch":"' .. id .. '"}', '', id .. job, '', '0', 'batch', id, 'permit', permit}, 1)
      if moved[1] == 1 then
        redis.call('HSET', batch .. ':jobs', job, moved[3])
        taken = taken + 1
        bytes = bytes + (told[4] and redis.call('STRLEN', prefix .. ':vault:' .. told[4]) or 0)
      end
    end
  end
end
if taken > 0 then redis.call('HINCRBY', batch, 'jobs', taken) end
return {taken, bytes, redis.call('ZCARD', pot)}
