import type { SeededRandom } from "../harness/seeded-random.ts";
import type { HonestHolder, Send } from "./honest-holder.ts";
import { useStolenCopy } from "./thief.ts";
import type { Trace, Violation } from "./trace.ts";

/** What the trial of one session counts. */
export interface Tally {
  grants: number;
  noAnswers: number;
  movedOn: number;
  /** Thieves that used what they copied, and those of them that were found out. */
  thieves: number;
  caught: number;
  /** Of those found out: by their victim's signing out, after its store had led nowhere but to `superseded`. */
  caughtBySignOut: number;
  /** Of all, how many were first and got a token of their own before. */
  thievesFirst: number;
  violations: Violation[];
}

export interface SessionTrialParts {
  readonly name: string;
  readonly holder: HonestHolder;
  /** How many clients (tabs) work on the holder's store at once. */
  readonly workers: number;
  readonly thiefSend: Send;
  readonly random: SeededRandom;
  readonly trace: Trace;
  readonly tally: Tally;
  /** The chance, after each refresh, that somebody copies the store. */
  readonly theftProbability: number;
  /** Whether the whole trial has come to its end. */
  readonly done: () => boolean;
}

/** Tries in a row that bring nothing new before a client counts as stuck. */
const STUCK_AFTER = 60;
/** From here on a trace tells no more of them. */
const QUIET_AFTER = 12;
const MAX_THIEF_WAIT_GENERATIONS = 12;

type Theft = "none" | "planned" | "acting" | "answered";

/** Lets one session live, with its clients and perhaps a thief, until it ends or the trial does. */
export async function trySession(parts: SessionTrialParts): Promise<void> {
  const { name, holder, workers, random, trace, tally, done } = parts;
  let theft: Theft = "none";
  let ended = false;
  let thief: Promise<void> | undefined;

  const violate = (kind: Violation["kind"], what: string): void => {
    trace.note(`VIOLATION: ${kind}: ${what}`);
    tally.violations.push({ kind, what: `${name}: ${what}`, trace: [...trace.lines()] });
    ended = true;
  };

  const runThief = async (copy: NonNullable<ReturnType<HonestHolder["copy"]>>): Promise<void> => {
    const useAt = copy.generation + (random.chance(0.5) ? 0 : random.between(1, MAX_THIEF_WAIT_GENERATIONS));
    while (!done() && !ended && holder.generation < useAt) await nextTurn();
    if (ended) return;
    theft = "acting";
    tally.thieves += 1;
    trace.note(`thief: uses its copy of generation ${copy.generation}`);
    const answer = await useStolenCopy(copy, { send: parts.thiefSend, random });
    theft = "answered";
    const worked = "refreshToken" in answer;
    trace.note(`thief: ${worked ? "got a token" : answer.refused}`);
    if (!worked) {
      if (answer.refused !== "session_ended") violate("thief not caught", `the thief was answered ${answer.refused}`);
      return;
    }
    tally.thievesFirst += 1;
    while (!ended) await nextTurn();
    const again = await useStolenCopy(
      { refreshToken: answer.refreshToken, generation: copy.generation + 1, keys: [] },
      { send: parts.thiefSend, random },
    );
    if ("refreshToken" in again) violate("thief not caught", "the thief's token outlived the session");
  };

  /**
   * The store leads nowhere but to `superseded`. Without a thief that must not happen. With one it can: an answer set the
   * jar back by one generation while the thief moved the session on by one.
   */
  const giveUp = async (): Promise<void> => {
    if (theft === "none" || theft === "planned") {
      violate("stuck client", `nothing new in ${STUCK_AFTER} tries`);
      return;
    }
    const outcome = await holder.signOut();
    trace.note(`client: gives up and signs out: ${outcome.kind}`);
    if (ended || outcome.kind !== "signed-out") return;
    tally.caught += 1;
    tally.caughtBySignOut += 1;
    ended = true;
  };

  const work = async (worker: number): Promise<void> => {
    let fruitless = 0;
    while (!ended && !(done() && (theft === "none" || theft === "planned"))) {
      const thiefHadAnswer = theft === "answered";
      const before = holder.generation;
      const outcome = await holder.tryRefresh(worker);
      if (ended) return;
      if (outcome.kind === "waited") continue;
      if (fruitless < QUIET_AFTER)
        trace.note(`client ${worker}: generation ${before} → ${holder.generation} ${outcome.kind}`);
      fruitless = outcome.kind === "moved-on" && holder.generation === before ? fruitless + 1 : 0;
      switch (outcome.kind) {
        case "granted":
          tally.grants += 1;
          if (thiefHadAnswer) violate("thief not caught", "the session went on after a thief had used a copy of it");
          if (theft === "none" && !done() && holder.generation > 0 && random.chance(parts.theftProbability)) {
            const copy = holder.copy();
            if (copy !== undefined) {
              theft = "planned";
              trace.note(`thief: copies the store at generation ${copy.generation}`);
              thief = runThief(copy);
            }
          }
          break;
        case "no-answer":
          tally.noAnswers += 1;
          break;
        case "moved-on":
          tally.movedOn += 1;
          await nextTurn(fruitless);
          break;
        case "signed-out":
          break;
        case "malformed":
          violate("malformed answer", outcome.what);
          break;
        case "ended":
          if (theft === "acting" || theft === "answered") {
            tally.caught += 1;
            ended = true;
          } else {
            violate("false sign-out", `a client was signed out at generation ${before}`);
          }
      }
      if (fruitless > STUCK_AFTER && !ended) await giveUp();
    }
  };

  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  await thief;
}

async function nextTurn(ms = 1): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
