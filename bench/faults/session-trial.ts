import type { SeededRandom } from "../harness/seeded-random.ts";
import type { HonestHolder, Send, StolenCopy } from "./honest-holder.ts";
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
  /** Of those found out: by their victim's insisting, after its store had led nowhere but to `superseded`. */
  caughtByInsisting: number;
  /** Thieves whose copy had the key of an unanswered attempt, and that went on twice with it. */
  thievesInMidAttempt: number;
  /** Copies of that kind that were shown when their owner had gone on: refused, and nothing ends. */
  shownTooLate: number;
  /** Thieves whom all tries left without an answer: they have nothing, and may have left nothing to be caught by. */
  unanswered: number;
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

/** `unanswered`: whether the authority ever saw the copy nobody can say, so the session may end or go on. */
type Theft = "none" | "planned" | "acting" | "answered" | "unanswered" | "over";

/** Lets one session live, with its clients and perhaps a thief, until it ends or the trial does. */
export async function trySession(parts: SessionTrialParts): Promise<void> {
  const { name, holder, workers, random, trace, tally, done } = parts;
  let theft = "none" as Theft;
  let ended = false;
  let insisted = false;
  let thief: Promise<void> | undefined;

  const isActing = (): boolean => theft === "acting";
  const violate = (kind: Violation["kind"], what: string): void => {
    trace.note(`VIOLATION: ${kind}: ${what}`);
    tally.violations.push({ kind, what: `${name}: ${what}`, trace: [...trace.lines()] });
    ended = true;
  };

  const giveUp = (): void => {
    tally.unanswered += 1;
    theft = "unanswered";
  };
  const isNobodysConcern = (): boolean => ["none", "planned", "unanswered", "over"].includes(theft);

  const runThief = async (copy: StolenCopy): Promise<void> => {
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
      if (answer.refused === "no_answer") {
        tally.thieves -= 1;
        giveUp();
      } else if (answer.refused !== "session_ended")
        violate("thief not caught", `the thief was answered ${answer.refused}`);
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
   * Somebody who has the key of an attempt too is as good as its owner for that one refresh. It goes on once more: now the
   * session must end, even for an owner who has heard nothing at all meanwhile.
   */
  const runThiefInMidAttempt = async (copy: StolenCopy): Promise<void> => {
    theft = "acting";
    trace.note(`thief: goes on with the attempt of generation ${copy.generation}`);
    const first = await useStolenCopy(copy, { send: parts.thiefSend, random, asItsOwner: true });
    if (!("refreshToken" in first)) {
      trace.note(`thief: ${first.refused}`);
      switch (first.refused) {
        case "no_answer":
          giveUp();
          break;
        case "session_ended":
          // So late that the session has forgotten the attempt: a copy like any other, and found out at once.
          tally.thieves += 1;
          theft = "answered";
          break;
        case "superseded":
          tally.shownTooLate += 1;
          theft = "over";
          break;
        default:
          violate("thief not caught", `the thief was answered ${first.refused}`);
      }
      return;
    }
    tally.thieves += 1;
    tally.thievesInMidAttempt += 1;
    const next = { refreshToken: first.refreshToken, generation: copy.generation + 1, keys: [] };
    const second = await useStolenCopy(next, { send: parts.thiefSend, random });
    trace.note(`thief: ${"refreshToken" in second ? "got a second token" : second.refused}`);
    if ("refreshToken" in second) tally.thievesFirst += 1;
    theft = "answered";
    while (!ended) await nextTurn();
    if (!("refreshToken" in second)) return;
    const third = await useStolenCopy(
      { refreshToken: second.refreshToken, generation: copy.generation + 2, keys: [] },
      { send: parts.thiefSend, random },
    );
    if ("refreshToken" in third) violate("thief not caught", "the thief's token outlived the session");
  };

  /**
   * The store leads nowhere but to `superseded`. Without a thief that must not happen. With one it can: an answer set the
   * jar back by one generation while the thief moved the session on by one, or the thief has an attempt's key.
   */
  const losePatience = (): void => {
    if (theft === "none" || theft === "planned" || theft === "over") {
      violate("stuck client", `nothing new in ${STUCK_AFTER} tries`);
      return;
    }
    insisted = true;
    holder.insist();
    trace.note("client: insists");
  };

  const work = async (worker: number): Promise<void> => {
    let fruitless = 0;
    while (!ended && !(done() && isNobodysConcern())) {
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
            const copy = holder.copy("at rest");
            if (copy !== undefined) {
              theft = "planned";
              trace.note(`thief: copies the store at generation ${copy.generation}`);
              thief = runThief(copy);
            }
          }
          break;
        case "no-answer":
          tally.noAnswers += 1;
          if (theft === "none" && !done() && random.chance(parts.theftProbability)) {
            const copy = holder.copy("in mid-attempt");
            if (copy !== undefined) {
              trace.note(`thief: copies the store in the middle of an attempt of generation ${copy.generation}`);
              const sleeps = random.chance(0.5);
              thief = runThiefInMidAttempt(copy);
              // Offline, or asleep, for as long as the thief takes: then only insisting tells it what has happened.
              while (sleeps && isActing()) await nextTurn();
            }
          }
          break;
        case "moved-on":
          tally.movedOn += 1;
          await nextTurn(fruitless);
          break;
        case "malformed":
          violate("malformed answer", outcome.what);
          break;
        case "ended":
          if (theft === "acting" || theft === "answered") {
            tally.caught += 1;
            if (insisted) tally.caughtByInsisting += 1;
            ended = true;
          } else if (theft === "unanswered") {
            ended = true;
          } else {
            violate("false sign-out", `a client was signed out at generation ${before}`);
          }
      }
      if (fruitless > STUCK_AFTER && !ended && !insisted) losePatience();
      if (fruitless > 2 * STUCK_AFTER && !ended) violate("stuck client", "nothing new in spite of insisting");
    }
  };

  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  await thief;
}

async function nextTurn(ms = 1): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
