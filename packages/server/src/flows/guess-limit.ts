import type { RateLimit, RateLimiter } from "../ports/rate-limiter.ts";

/** How often the password of one account may be guessed, and how fast. */
export interface GuessLimits {
  readonly failures: RateLimit;
  readonly delay: GuessDelay;
  /** Throws what is answered to a guess that has to wait. */
  readonly refuse: (limit: RateLimit, retryAfterSeconds: number) => never;
}

/** Each guess from the so many-th on holds the next one off: the first of them so long, each further one twice as long. */
export interface GuessDelay {
  readonly afterFailures: number;
  readonly seconds: number;
}

export interface ClaimedGuess {
  /** As if it had not been made. */
  giveBack(): Promise<void>;
  /** As if none had been made. */
  forgetAll(): Promise<void>;
}

/**
 * Claims a guess before it is checked. The first few are counted by themselves; each after them must also be the one that
 * finds nobody's hold and leaves its own, in one atomic step: so of any number at once only one goes through. Whoever
 * is refused has counted for nothing, so that a flood makes nobody wait longer.
 */
export async function claimGuess(
  limiter: RateLimiter,
  { failures, delay, refuse }: GuessLimits,
  bucket: string,
): Promise<ClaimedGuess> {
  const prompt = { ...failures, points: Math.min(delay.afterFailures - 1, failures.points) };
  const held = { ...failures, name: `held-${failures.name}`, points: failures.points - prompt.points };
  const hold = { name: "delay-per-account", points: 1, windowSeconds: delay.seconds };
  const forgetAll = async (): Promise<void> => {
    await Promise.all([prompt, held, hold].map((limit) => limiter.reset(limit, bucket)));
  };

  const ofPrompt = await limiter.take(prompt, bucket);
  if (typeof ofPrompt !== "number") return { giveBack: () => ofPrompt.giveBack(), forgetAll };
  if (held.points === 0) return refuse(failures, ofPrompt);

  const { taken, secondsLeft } = await limiter.count(held, bucket);
  const doubled = Math.min(delay.seconds * 2 ** taken, secondsLeft);
  const windowSeconds = taken + 1 < held.points ? doubled : secondsLeft;
  const ofHold = await limiter.take({ ...hold, windowSeconds }, bucket);
  if (typeof ofHold === "number") return refuse(hold, ofHold);
  const ofHeld = await limiter.take(held, bucket);
  if (typeof ofHeld === "number") return refuse(failures, ofHeld);
  const giveBack = async (): Promise<void> => {
    await ofHeld.giveBack();
    await ofHold.giveBack();
  };
  return { giveBack, forgetAll };
}
