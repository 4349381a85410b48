import ipaddr from "ipaddr.js";

import { AuthError } from "../errors.ts";
import type { RateLimit, RateLimiter, TakenPoint } from "../ports/rate-limiter.ts";

/** How much is too much. */
export interface RateLimits {
  /** Wrong passwords for one account, whether or not it exists. */
  readonly failuresPerAccount: RateLimit;
  /** Wrong passwords from one network. */
  readonly failuresPerNetwork: RateLimit;
  readonly signUpsPerNetwork: RateLimit;
  /** Mails that anybody can have sent, to one address. */
  readonly mailsPerAccount: RateLimit;
  readonly mailsPerNetwork: RateLimit;
  /**
   * Wrong passwords in a row for one account, however long it takes; past that no password is right until it is set anew
   * (NIST SP 800-63B-4 §3.2.2).
   */
  readonly consecutiveFailures: number;
}

export const DEFAULT_RATE_LIMITS: RateLimits = {
  failuresPerAccount: { name: "failures-per-account", points: 10, windowSeconds: 900 },
  failuresPerNetwork: { name: "failures-per-network", points: 50, windowSeconds: 600 },
  signUpsPerNetwork: { name: "sign-ups-per-network", points: 20, windowSeconds: 3_600 },
  mailsPerAccount: { name: "mails-per-account", points: 3, windowSeconds: 3_600 },
  mailsPerNetwork: { name: "mails-per-network", points: 20, windowSeconds: 3_600 },
  consecutiveFailures: 100,
};

const DAY_SECONDS = 86_400;

/** Who tries, as far as it can be told. */
export interface Attempt {
  /** Normalised. */
  readonly email: string;
  /** The client's address. */
  readonly ip: string | null;
}

export interface CountedGuess {
  /** It was none: the password was right. */
  forget(): Promise<void>;
  /** Nobody could say what it was, so that whoever guessed has learnt nothing. */
  giveBack(): Promise<void>;
}

export interface AttemptLimits {
  /**
   * Counts an attempt to guess a password before it is checked: of any number at once no more are checked than may fail.
   *
   * @throws AuthError `rate_limited`, the same for accounts that exist and for those that do not
   */
  beforePassword(attempt: Attempt): Promise<CountedGuess>;
  /** @throws AuthError `rate_limited`, the same for accounts that exist and for those that do not */
  beforeMail(attempt: Attempt): Promise<void>;
  /** @throws AuthError `rate_limited` */
  beforeSignUp(ip: string | null): Promise<void>;
  /** @throws AuthError `rate_limited` past so many a day */
  beforeApiToken(userId: string, perDay: number): Promise<void>;
  readonly consecutiveFailures: number;
}

/** What is counted, where, and under which keys. */
export interface AttemptLimitsOptions {
  readonly limits: RateLimits;
  /** `undefined`: nothing is counted but consecutive failures. */
  readonly limiter: RateLimiter | undefined;
  /** The bucket that a name or a network falls into, the same on all nodes; nobody outside can tell who shares one. */
  readonly bucketOf: (subject: string) => string;
}

export function createAttemptLimits({ limits, limiter, bucketOf }: AttemptLimitsOptions): AttemptLimits {
  const take = async (limit: RateLimit, subject: string | undefined): Promise<TakenPoint | undefined> => {
    if (limiter === undefined || subject === undefined) return undefined;
    const taken = await limiter.take(limit, bucketOf(subject));
    if (typeof taken === "number") throw new AuthError("rate_limited", { retryAfterSeconds: taken });
    return taken;
  };
  const { failuresPerAccount, failuresPerNetwork, signUpsPerNetwork, consecutiveFailures } = limits;
  const { mailsPerAccount, mailsPerNetwork } = limits;

  return {
    consecutiveFailures,

    async beforePassword({ email, ip }) {
      const ofNetwork = await take(failuresPerNetwork, networkOf(ip));
      const ofAccount = await take(failuresPerAccount, email);
      return {
        async forget() {
          await ofNetwork?.giveBack();
          await limiter?.reset(failuresPerAccount, bucketOf(email));
        },
        async giveBack() {
          await ofNetwork?.giveBack();
          await ofAccount?.giveBack();
        },
      };
    },

    async beforeMail({ email, ip }) {
      await take(mailsPerNetwork, networkOf(ip));
      await take(mailsPerAccount, email);
    },

    async beforeSignUp(ip) {
      await take(signUpsPerNetwork, networkOf(ip));
    },

    async beforeApiToken(userId, perDay) {
      await take({ name: "api-tokens-per-user", points: perDay, windowSeconds: DAY_SECONDS }, userId);
    },
  };
}

/**
 * The network that one attacker usually commands: an IPv4 address alone, the first 64 bits of an IPv6 address. `undefined`
 * for what is unknown, and for loopback: that is a proxy whose word is not trusted, and everybody behind it.
 */
export function networkOf(address: string | null): string | undefined {
  if (address === null || !ipaddr.isValid(address)) return undefined;
  const parsed = ipaddr.process(address);
  if (parsed.range() === "loopback") return undefined;
  return parsed.toByteArray().slice(0, 8).join(".");
}
