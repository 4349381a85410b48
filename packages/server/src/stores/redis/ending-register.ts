import type { AuthEvent } from "../../domain/event.ts";
import type { AnnouncedEnding } from "./announced-ending.ts";
import { DOUBTS, withoutDoubt } from "./announced-ending.ts";
import type { Connection } from "./connection.ts";
import { RECORD } from "./events.ts";
import { defineScript } from "./script.ts";
import { END_SESSIONS } from "./user-sessions.ts";

const ANNOUNCE = defineScript(
  DOUBTS,
  `
local userId, id, ending, undecided = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local announced = doubts(userId, undecided)
if announced then return inDoubt(announced) end
redis.call('HSET', base .. 'endings:' .. userId, id, ending)
return 1`,
);

const WITHDRAW = defineScript("return redis.call('HDEL', base .. 'endings:' .. ARGV[1], ARGV[2])");

const SETTLE = defineScript(
  END_SESSIONS,
  RECORD,
  `
local userId, id, keptId, at, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local event, kept = ARGV[6], ARGV[7]
if redis.call('HDEL', base .. 'endings:' .. userId, id) == 0 then return 0 end
record(withEnded(event, endUserSessions(userId, keptId, at, reason)), kept)
return 1`,
);

/** The endings that hang on changes in another store. */
export interface EndingRegister {
  /**
   * From now on, until the ending is settled or withdrawn, verbs that read, rotate or create sessions of the user reject.
   *
   * @param undecided earlier ones that the caller has found to be undecided
   * @throws SessionsInDoubtError where there are others
   */
  announce(ending: AnnouncedEnding, undecided: readonly string[]): Promise<void>;
  /** It took place: ends the sessions, once, however many call, and records which they were. */
  settle(ending: AnnouncedEnding): Promise<void>;
  /** It did not take place, and never will. */
  withdraw(ending: AnnouncedEnding): Promise<void>;
}

export function createEndingRegister(durable: Connection, eventsKept: number): EndingRegister {
  return {
    async announce(ending, undecided) {
      withoutDoubt(
        await durable.run(ANNOUNCE, [ending.userId, ending.id, JSON.stringify(ending), undecided.join(" ")]),
      );
    },

    async settle({ userId, id, keptSessionId, at, reason }) {
      const origin = { ip: null, userAgent: null };
      const event: AuthEvent = { type: "user_sessions_revoked", userId, keptSessionId, reason, at, origin };
      const values = [userId, id, keptSessionId ?? "", at, reason, JSON.stringify(event), eventsKept];
      await durable.run(SETTLE, values);
    },

    async withdraw({ userId, id }) {
      await durable.run(WITHDRAW, [userId, id]);
    },
  };
}
