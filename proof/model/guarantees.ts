import { REMEMBERED_GENERATIONS } from "@latchkey/server/domain";

import { SENT_KEYS } from "./attempt-keeper.ts";
import type { Judged } from "./authority.ts";
import type { Asked, Holder } from "./messages.ts";
import type { Served } from "./store.ts";
import { NOBODY_SERVED } from "./store.ts";
import type { Thief } from "./thief.ts";
import type { Token } from "./token.ts";
import type { Setting, World } from "./world.ts";

/** The guarantees of docs/session-protocol.md that the model checks; G6 as far as its clock goes. */
export type Guarantee = "G1" | "G2" | "G3" | "G6";

export interface Violation {
  readonly guarantee: Guarantee;
  readonly what: string;
}

/** Where a history reaches a limit that the protocol states, and which therefore is no violation. */
export type Limit =
  | typeof JAR_FAR_BEHIND
  | typeof VERY_LATE
  | typeof OUTSIDE_WINDOW
  | typeof ALARM_AFTER_WAIT
  | typeof SHOWN_LATE
  | typeof LATE_ALARM
  | typeof WRONG_KEY;

export const JAR_FAR_BEHIND = "late answers set the jar back by more than one rotation: told to wait, or signed out";
export const VERY_LATE = "a request that was under way for four rotations and a crash, or for nine: signed out";
export const OUTSIDE_WINDOW = "a plain client's retry outside the window: signed out";
export const ALARM_AFTER_WAIT =
  "the thief went on from ahead of the jar (mid-attempt copy, jar set back): told to wait first";
export const SHOWN_LATE = "a copy taken in mid-attempt, shown after the client moved on: refused without an alarm";
export const LATE_ALARM = "a crash forgot rotations of one holder, who rolls forward over the other's: alarm one later";
export const WRONG_KEY = "a thief asks with a key of another generation: refused without an alarm";

export type Finding =
  | { readonly kind: "violation"; readonly violation: Violation }
  | { readonly kind: "limit"; readonly limit: Limit };

/** What a verdict means for the guarantees, before anything is written. */
export function examineVerdict(setting: Setting, world: World, asked: Asked, judged: Judged): Finding | undefined {
  if (world.revoked) return undefined;
  return asked.holder === "honest"
    ? examineHonest(setting, world, asked, judged)
    : examineThief(setting, world, asked, judged);
}

function examineHonest({ protocol, bounds }: Setting, world: World, asked: Asked, judged: Judged): Finding | undefined {
  const { row, now, thief } = world;
  const { token, insists } = asked;
  const rotationsBehind = row.state.generation - token.generation;
  const nothingNewer = holdsNothingNewer(world, asked);

  if (thief.used) {
    if (judged.kind !== "superseded" || !nothingNewer || !row.served.thief) return undefined;
    if (insists || protocol.patience === "never ends") {
      return violation(
        "G2",
        "The thief was served, and the honest client is told to wait for ever: a silent take-over.",
      );
    }
    if (row.served.overruled) return { kind: "limit", limit: LATE_ALARM };
    return token.generation < thief.sharedGeneration
      ? { kind: "limit", limit: ALARM_AFTER_WAIT }
      : violation("G2", "The thief was served, and the honest client is told to try again: a silent take-over.");
  }
  switch (judged.kind) {
    case "rotate":
    case "retry":
      return undefined;
    case "superseded":
      if (!nothingNewer) return undefined;
      return rotationsBehind > 1 && !insists
        ? { kind: "limit", limit: JAR_FAR_BEHIND }
        : violation("G1", "The client is told to read its store again, and there is nothing newer in it.");
    case "refuse":
      return now >= token.expiresAt || now >= protocol.times.absolute
        ? undefined
        : violation("G1", `The honest client is refused, and nobody has ended the session (${judged.cause}).`);
    case "reuse":
      if (protocol.strength === "time alone") {
        const outside = now - row.state.rotatedAt > protocol.times.retryWindow || rotationsBehind > 1;
        if (outside) return { kind: "limit", limit: OUTSIDE_WINDOW };
      }
      if (world.setFarBack || (insists && rotationsBehind > 1)) return { kind: "limit", limit: JAR_FAR_BEHIND };
      // The row tells a late request by the keys it remembers, or after a crash by those that the client sends again.
      if (rotationsBehind > (world.left.crashes < bounds.crashes ? SENT_KEYS - 1 : REMEMBERED_GENERATIONS)) {
        return { kind: "limit", limit: VERY_LATE };
      }
      return violation("G1", "The honest client is taken for a thief, and there is none.");
  }
}

function examineThief({ protocol }: Setting, world: World, asked: Asked, judged: Judged): Finding | undefined {
  if (protocol.strength === "proof of possession") {
    return judged.kind === "refuse"
      ? undefined
      : violation("G2", "A copied token without the client's key had an effect.");
  }
  if (judged.kind !== "superseded" || !world.row.served.honest) return undefined;
  if (world.row.served.overruled) return { kind: "limit", limit: LATE_ALARM };
  // Its newest key names another generation, or was used on one: the request is nobody's, and gets nothing.
  if (asked.token.generation >= world.row.state.generation) return { kind: "limit", limit: WRONG_KEY };
  const { sharedGeneration, copiedGeneration } = world.thief;
  return sharedGeneration > copiedGeneration && asked.token.generation < sharedGeneration
    ? { kind: "limit", limit: SHOWN_LATE }
    : violation("G2", "The thief came second with its copy, and no alarm was raised.");
}

/** Whether the jar still holds the same token, and the same key for it: then reading it again will not help. */
export function holdsNothingNewer({ jar }: World, { token, keys }: Asked): boolean {
  return (
    token.generation === jar.token.generation &&
    token.secret === jar.token.secret &&
    keys[0] === jar.keys.find((key) => key.generation === token.generation)?.name
  );
}

export interface Grant {
  readonly holder: Holder;
  readonly token: Token;
  readonly how: "rotate" | "roll forward" | "retry";
}

export interface Granted {
  readonly served: Served;
  readonly thief: Thief;
  readonly finding: Finding | undefined;
}

/** What it means that a holder is given a token. */
export function examineGrant({ protocol }: Setting, world: World, { holder, token, how }: Grant): Granted {
  const { row, thief, now } = world;
  const unchanged = { served: row.served, thief };
  if (world.revoked) return { ...unchanged, finding: violation("G3", "A revoked session has issued a token.") };
  if (token.expiresAt > protocol.times.absolute) {
    return { ...unchanged, finding: violation("G6", "A token was issued that outlives the absolute limit.") };
  }
  if (thief.sharedGeneration < 0 || token.generation <= thief.sharedGeneration) {
    return { ...unchanged, finding: undefined };
  }
  // Inside the window time alone recognises nobody: a retry there is as though the jar had been copied one later.
  if (
    protocol.strength === "time alone" &&
    how === "retry" &&
    now - row.state.rotatedAt <= protocol.times.retryWindow
  ) {
    return { served: NOBODY_SERVED, thief: { ...thief, sharedGeneration: token.generation }, finding: undefined };
  }
  const served = { ...row.served, [holder]: true };
  if (!served.honest || !served.thief) return { served, thief, finding: undefined };
  // The row goes on from a branch that it had forgotten, and overrules the other: that one raises the alarm.
  if (how === "roll forward") {
    return {
      served: { ...NOBODY_SERVED, [holder]: true, overruled: true },
      thief,
      finding: { kind: "limit", limit: LATE_ALARM },
    };
  }
  const second = holder === "thief" ? "the thief" : "the honest client";
  const what = `Both holders have been served past the copy; the second was ${second}, and no alarm was raised.`;
  return { served, thief, finding: violation("G2", what) };
}

/** G3 for the row itself. */
export function examineRow(world: World): Finding | undefined {
  return world.revoked && world.row.state.revokedAt === null
    ? violation("G3", "The row of a revoked session is live again.")
    : undefined;
}

function violation(guarantee: Guarantee, what: string): Finding {
  return { kind: "violation", violation: { guarantee, what } };
}
