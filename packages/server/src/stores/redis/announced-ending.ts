/**
 * An ending of a user's sessions that hangs on a change in another store: it is announced here first, the change is made
 * there, and then it is settled. See combine-stores.ts for how and why.
 */
export interface AnnouncedEnding {
  readonly id: string;
  readonly userId: string;
  /** The session that lives on. */
  readonly keptSessionId: string | null;
  readonly reason: "password_changed" | "account_deleted";
  readonly at: number;
  /** The fingerprint of the account that the change expects to find… */
  readonly expected: string;
  /** …and of the one it leaves; null where it leaves none. */
  readonly becomes: string | null;
}

/**
 * A verb met endings of which it cannot tell whether they took place. Nothing was done or answered: who made the
 * announcement, or who can ask the other store, settles them and calls again. To everybody else the sessions are
 * unavailable, which is never an answer that lets somebody in.
 */
export class SessionsInDoubtError extends Error {
  readonly endings: readonly AnnouncedEnding[];

  constructor(endings: readonly AnnouncedEnding[]) {
    super("These sessions may have ended by a change of their account: ask through combineStores, which can tell.");
    this.name = "SessionsInDoubtError";
    this.endings = endings;
  }
}

/**
 * `doubts(userId, undecided)`: all that is announced for a user, where some of it is not among what the caller has found
 * to be undecided; false otherwise. `inDoubt(announced)` is the answer of a script that met some.
 */
export const DOUBTS = `
local function doubts(userId, undecided)
  local announced = redis.call('HGETALL', base .. 'endings:' .. userId)
  for i = 1, #announced, 2 do
    if not string.find(undecided, announced[i], 1, true) then return announced end
  end
  return false
end
local function inDoubt(announced)
  local answer = { 'in doubt' }
  for i = 2, #announced, 2 do answer[#answer + 1] = announced[i] end
  return answer
end`;

/** Passes on what a script answered. @throws SessionsInDoubtError where it met endings in doubt */
export function withoutDoubt(answer: unknown): unknown {
  if (!Array.isArray(answer) || answer[0] !== "in doubt") return answer;
  const [, ...endings] = answer as readonly string[];
  throw new SessionsInDoubtError(endings.map((text) => JSON.parse(text) as AnnouncedEnding));
}
