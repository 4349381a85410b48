import { readToken } from "../harness/refresh-token.ts";

/**
 * Every refresh token that ever left the server, whether or not its client got to see it. A session's generation has one
 * token: two different ones mean that a token was spent twice.
 */
export interface TokenLedger {
  /** Takes a token the server has issued in exchange for another; answers what is wrong with it, if anything is. */
  record(issued: string, presented: string): string | undefined;
  /** How many different tokens there were: how many rotations. */
  readonly rotations: number;
}

/** Answers may come late, but never by as much. */
const KEPT_GENERATIONS = 64;

export function createTokenLedger(): TokenLedger {
  const sessions = new Map<string, Map<number, string>>();
  let rotations = 0;
  return {
    get rotations() {
      return rotations;
    },
    record(issued, presented) {
      const [next, before] = [readToken(issued), readToken(presented)];
      if (next.sessionId !== before.sessionId) return "the successor belongs to another session";
      if (next.generation !== before.generation + 1) {
        return `generation ${before.generation} was exchanged for ${next.generation}`;
      }
      const tokens = sessions.get(next.sessionId) ?? new Map<number, string>();
      sessions.set(next.sessionId, tokens);
      const known = tokens.get(next.generation);
      if (known === undefined) {
        rotations += 1;
        tokens.set(next.generation, issued);
        tokens.delete(next.generation - KEPT_GENERATIONS);
        return undefined;
      }
      return known === issued ? undefined : `generation ${next.generation} has two tokens`;
    },
  };
}
