import type { AuthEvent } from "../../domain/event.ts";
import { isLive } from "../../domain/session.ts";
import type { Session } from "../../domain/session.ts";
import type { SessionRotation, SessionStore } from "../../ports/session-store.ts";
import { DOUBTS, withoutDoubt } from "./announced-ending.ts";
import { endedByLimitPrefix } from "../ended-by-limit.ts";
import type { Connection } from "./connection.ts";
import { RECORD } from "./events.ts";
import { defineScript } from "./script.ts";
import { seenText, SESSION_FIELDS, sessionOf, stateText, termsText } from "./session-hash.ts";
import type { SessionHash } from "./session-hash.ts";
import { END_SESSIONS, FIND_OLDEST } from "./user-sessions.ts";

/**
 * How much longer than its absolute life a session, or the tombstone of a revoked one, is kept where nobody purges: the
 * rule goes by the authority's clock, and Redis by its own. Nothing depends on it: a session that is gone never rotates.
 */
const GRACE_SECONDS = 3_600;

const FIELDS = SESSION_FIELDS.map((name) => `'${name}'`).join(", ");

const CREATE = defineScript(
  DOUBTS,
  RECORD,
  END_SESSIONS,
  FIND_OLDEST,
  `
local id, userId, expiresAt, ttl, over = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local terms, generation, secretHash, state = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local event, kept, undecided = ARGV[10], ARGV[11], ARGV[12]
local now, maxSessions, ended, lastToGo = ARGV[13], tonumber(ARGV[14]), ARGV[15], ARGV[16]
local key, index = base .. 'session:' .. id, base .. 'user:' .. userId
if redis.call('EXISTS', key) == 1 then return 0 end
local announced = doubts(userId, undecided)
if announced then return inDoubt(announced) end
redis.call('ZREMRANGEBYSCORE', index, '-inf', '(' .. over)
if maxSessions and redis.call('ZCARD', index) >= maxSessions then
  for _, oldest in ipairs(findOldest(userId, tonumber(now), maxSessions - 1, lastToGo)) do
    endSession(oldest, userId, now, 'session_limit')
    record(ended .. cjson.encode(oldest) .. '}', kept)
  end
end
redis.call('HSET', key, 'user_id', userId, 'terms', terms, 'generation', generation, 'secret_hash', secretHash,
  'state', state)
redis.call('EXPIRE', key, ttl)
redis.call('ZADD', index, expiresAt, id)
if redis.call('TTL', index) < tonumber(ttl) then redis.call('EXPIRE', index, ttl) end
redis.call('ZADD', base .. 'expiry', expiresAt, id)
record(event, kept)
return 1`,
);

const FIND = defineScript(
  DOUBTS,
  `
local found = redis.call('HMGET', base .. 'session:' .. ARGV[1], ${FIELDS})
if not found[1] then return false end
local announced = doubts(found[1], ARGV[2])
if announced then return inDoubt(announced) end
return { 'found', found }`,
);

const ROTATE = defineScript(
  DOUBTS,
  RECORD,
  `
local key = base .. 'session:' .. ARGV[1]
local generation, secretHash, state = ARGV[4], ARGV[5], ARGV[6]
local event, kept, undecided, seen, jkt = ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local found = redis.call('HMGET', key, 'generation', 'secret_hash', 'revoked_at', 'user_id')
if found[1] ~= ARGV[2] or found[2] ~= ARGV[3] or found[3] then return 0 end
local announced = doubts(found[4], undecided)
if announced then return inDoubt(announced) end
redis.call('HSET', key, 'generation', generation, 'secret_hash', secretHash, 'state', state)
if seen ~= '' then redis.call('HSET', key, 'seen', seen) end
if jkt then redis.call('HSET', key, 'jkt', jkt) end
if event ~= '' then record(event, kept) end
return 1`,
);

const REVOKE = defineScript(
  END_SESSIONS,
  RECORD,
  `
local id, at, reason, event, kept = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local found = redis.call('HMGET', base .. 'session:' .. id, 'user_id', 'revoked_at')
if not found[1] or found[2] then return 0 end
endSession(id, found[1], at, reason)
record(event, kept)
return 1`,
);

const REVOKE_OF_USER = defineScript(
  END_SESSIONS,
  RECORD,
  `
local ended = endUserSessions(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
record(withEnded(ARGV[5], ended), ARGV[6])
return #ended`,
);

const LIST = defineScript(
  DOUBTS,
  `
local announced = doubts(ARGV[1], ARGV[2])
if announced then return inDoubt(announced) end
local listed = {}
for _, id in ipairs(redis.call('ZRANGE', base .. 'user:' .. ARGV[1], 0, -1)) do
  local found = redis.call('HMGET', base .. 'session:' .. id, ${FIELDS})
  if found[1] then listed[#listed + 1] = { id, found } end
end
return { 'found', listed }`,
);

const PURGE = defineScript(`
local over = redis.call('ZRANGEBYSCORE', base .. 'expiry', '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(over) do
  local userId = redis.call('HGET', base .. 'session:' .. id, 'user_id')
  if userId then redis.call('ZREM', base .. 'user:' .. userId, id) end
  redis.call('DEL', base .. 'session:' .. id)
  redis.call('ZREM', base .. 'expiry', id)
end
return #over`);

export interface SessionVerbsOptions {
  readonly connection: Connection;
  /** For what must not be forgotten once it is answered; waits for replicas where there are to be some. */
  readonly durable: Connection;
  /** About how many events the log keeps. */
  readonly eventsKept: number;
  /** The announced endings that the caller has found to be undecided, and acts in spite of. */
  readonly undecided: readonly string[];
}

export function createSessionVerbs(options: SessionVerbsOptions): SessionStore {
  const { connection, durable, eventsKept } = options;
  const undecided = options.undecided.join(" ");

  const rotate = async (
    through: Connection,
    { sessionId, expected, next, seen }: SessionRotation,
    event: AuthEvent | undefined,
    jkt: string | null = null,
  ): Promise<boolean> => {
    const rotated = withoutDoubt(
      await through.run(ROTATE, [
        sessionId,
        expected.generation,
        expected.secretHash,
        next.generation,
        next.secretHash,
        stateText(next),
        event === undefined ? "" : JSON.stringify(event),
        eventsKept,
        undecided,
        seenText(seen),
        ...(jkt === null ? [] : [jkt]),
      ]),
    );
    return rotated === 1;
  };

  return {
    async createSession(session, event, maxSessions, lastToGoId) {
      const lifetime = session.expiresAt - session.createdAt;
      const created = withoutDoubt(
        await durable.run(CREATE, [
          session.id,
          session.userId,
          session.expiresAt,
          Math.max(lifetime + GRACE_SECONDS, 1),
          session.createdAt - GRACE_SECONDS,
          termsText(session),
          session.generation,
          session.secretHash,
          stateText(session),
          JSON.stringify(event),
          eventsKept,
          undecided,
          session.createdAt,
          maxSessions ?? "",
          endedByLimitPrefix(session, event.origin),
          lastToGoId ?? "",
        ]),
      );
      if (created !== 1) throw new Error("There is a session of this id already.");
    },

    async findSession(id) {
      const answer = withoutDoubt(await connection.run(FIND, [id, undecided]));
      return answer === null ? undefined : sessionOf(id, (answer as readonly ["found", SessionHash])[1]);
    },

    rotateSession: (rotation, event) => rotate(event === undefined ? connection : durable, rotation, event),

    redeemSession: (redemption, event) => rotate(durable, redemption, event, redemption.jkt),

    async revokeSession({ sessionId, at, reason }, event) {
      const values = [sessionId, at, reason, JSON.stringify(event), eventsKept];
      return (await durable.run(REVOKE, values)) === 1;
    },

    async revokeUserSessions({ userId, exceptSessionId, at, reason }, event) {
      const values = [userId, exceptSessionId ?? "", at, reason, JSON.stringify(event), eventsKept];
      return Number(await durable.run(REVOKE_OF_USER, values));
    },

    async listSessions(userId, now) {
      const answer = withoutDoubt(await connection.run(LIST, [userId, undecided]));
      return (answer as readonly ["found", readonly (readonly [string, SessionHash])[]])[1]
        .map(([id, hash]) => sessionOf(id, hash))
        .filter((session) => isLive(session, now))
        .toSorted(newestFirst);
    },

    async purgeSessions(now, limit) {
      return Number(await connection.run(PURGE, [now, limit]));
    },
  };
}

function newestFirst(one: Session, other: Session): number {
  return other.createdAt - one.createdAt || (one.id < other.id ? -1 : 1);
}
