import type { AnnouncedEnding } from "./announced-ending.ts";
import { DOUBTS, withoutDoubt } from "./announced-ending.ts";
import type { Connection } from "./connection.ts";
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
  `
local userId, id, keptId, at, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if redis.call('HDEL', base .. 'endings:' .. userId, id) == 0 then return 0 end
endUserSessions(userId, keptId, at, reason)
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
  /** It took place: ends the sessions, once, however many call. Appends no event: the other store has recorded it. */
  settle(ending: AnnouncedEnding): Promise<void>;
  /** It did not take place, and never will. */
  withdraw(ending: AnnouncedEnding): Promise<void>;
}

export function createEndingRegister(durable: Connection): EndingRegister {
  return {
    async announce(ending, undecided) {
      withoutDoubt(
        await durable.run(ANNOUNCE, [ending.userId, ending.id, JSON.stringify(ending), undecided.join(" ")]),
      );
    },

    async settle({ userId, id, keptSessionId, at, reason }) {
      await durable.run(SETTLE, [userId, id, keptSessionId ?? "", at, reason]);
    },

    async withdraw({ userId, id }) {
      await durable.run(WITHDRAW, [userId, id]);
    },
  };
}
