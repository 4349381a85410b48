/**
 * `endSession(id, userId, at, reason)`: leaves the tombstone of a session that was found live, until the hash expires, and
 * takes it out of its user's index. `endUserSessions(userId, keptId, at, reason)`: ends all that are in the index, which
 * is all that are not revoked, but one (none for ''), and answers which.
 */
export const END_SESSIONS = `
local function endSession(id, userId, at, reason)
  redis.call('HSET', base .. 'session:' .. id, 'revoked_at', at, 'revoked_reason', reason)
  redis.call('ZREM', base .. 'user:' .. userId, id)
end
local function endUserSessions(userId, keptId, at, reason)
  local ended = {}
  for _, id in ipairs(redis.call('ZRANGE', base .. 'user:' .. userId, 0, -1)) do
    if redis.call('EXISTS', base .. 'session:' .. id) == 0 then
      redis.call('ZREM', base .. 'user:' .. userId, id)
    elseif id ~= keptId then
      endSession(id, userId, at, reason)
      ended[#ended + 1] = id
    end
  end
  return ended
end
-- An event, and which sessions it ended: an empty list would be encoded as an object.
local function withEnded(event, ended)
  local ids = #ended == 0 and '[]' or cjson.encode(ended)
  return string.sub(event, 1, -2) .. ',"endedSessionIds":' .. ids .. '}'
end`;

/**
 * `findOldest(userId, now, left, lastToGo)`: the ids of a user's live sessions past the first `left`, in the order they are listed
 * in, newest first, and by id where they are of one second, but that `lastToGo` ('' for none) comes before all.
 */
export const FIND_OLDEST = `
local function findOldest(userId, now, left, lastToGo)
  local live = {}
  for _, id in ipairs(redis.call('ZRANGE', base .. 'user:' .. userId, 0, -1)) do
    local found = redis.call('HMGET', base .. 'session:' .. id, 'terms', 'state')
    if found[1] then
      local terms, state = cjson.decode(found[1]), cjson.decode(found[2])
      if state.idleExpiresAt > now and terms.expiresAt > now then
        live[#live + 1] = { id = id, createdAt = terms.createdAt }
      end
    end
  end
  table.sort(live, function(one, other)
    if (one.id == lastToGo) ~= (other.id == lastToGo) then return one.id == lastToGo end
    if one.createdAt ~= other.createdAt then return one.createdAt > other.createdAt end
    return one.id < other.id
  end)
  local oldest = {}
  for i = left + 1, #live do oldest[#oldest + 1] = live[i].id end
  return oldest
end`;
