import ipaddr from "ipaddr.js";

import { AuthError } from "../errors.ts";
import type { Observer } from "../ports/observer.ts";
import type { RateLimit, RateLimiter, TakenPoint } from "../ports/rate-limiter.ts";
import type { GuessDelay } from "./guess-limit.ts";
import { claimGuess } from "./guess-limit.ts";

/** How much is too much. */
export interface RateLimits {
  /** Wrong passwords for one account, whether or not it exists. */
  readonly failuresPerAccount: RateLimit;
  /** How these are spread over time. */
  readonly delayPerAccount: GuessDelay;
  /** Wrong passwords from one network. */
  readonly failuresPerNetwork: RateLimit;
  readonly signUpsPerNetwork: RateLimit;
  /** Mails that anybody can have sent, to one address. */
  readonly mailsPerAccount: RateLimit;
  readonly mailsPerNetwork: RateLimit;
  /** In the names of public clients, which are anybody's. */
  readonly pushedRequestsPerNetwork: RateLimit;
  /** Of one client: credentials that are wrong, and, of a public one, codes that are none. */
  readonly clientFailuresPerNetwork: RateLimit;
  /**
   * Wrong passwords in a row for one account, however long it takes; past that no password is right until it is set anew
   * (NIST SP 800-63B-4 §3.2.2).
   */
  readonly consecutiveFailures: number;
}

export const DEFAULT_RATE_LIMITS: RateLimits = {
  failuresPerAccount: { name: "failures-per-account", points: 10, windowSeconds: 900 },
  delayPerAccount: { afterFailures: 5, seconds: 5 },
  failuresPerNetwork: { name: "failures-per-network", points: 50, windowSeconds: 600 },
  signUpsPerNetwork: { name: "sign-ups-per-network", points: 20, windowSeconds: 3_600 },
  mailsPerAccount: { name: "mails-per-account", points: 3, windowSeconds: 3_600 },
  mailsPerNetwork: { name: "mails-per-network", points: 20, windowSeconds: 3_600 },
  pushedRequestsPerNetwork: { name: "pushed-requests-per-network", points: 300, windowSeconds: 600 },
  clientFailuresPerNetwork: { name: "client-failures-per-network", points: 100, windowSeconds: 600 },
  consecutiveFailures: 100,
};

const DAY_SECONDS = 86_400;

/** Who tries, as far as it can be told. */
export interface Attempt {
  /** Normalised. */
  readonly email: string;
  /** The client's address. */
  readonly ip: string | null;
  /**
   * The live session of this very account that whoever tries holds: they are counted apart, so that nobody without one can
   * make them wait.
   */
  readonly sessionId: string | null;
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
  beforeMail(attempt: Omit<Attempt, "sessionId">): Promise<void>;
  /** @throws AuthError `rate_limited` */
  beforeSignUp(ip: string | null): Promise<void>;
  /** @throws AuthError `rate_limited` past so many a day */
  beforeApiToken(userId: string, perDay: number): Promise<void>;
  /** @throws AuthError `rate_limited` */
  beforePushedRequest(ip: string | null): Promise<void>;
  /**
   * Counts what has been refused to a client, so that a flood of it costs the store nothing. Nobody is refused for it who has the
   * right credentials or code: or who floods would have a client's users refused.
   *
   * @throws AuthError `rate_limited` in place of the refusal
   */
  afterClientFailure(failure: { readonly clientId: string | null; readonly ip: string | null }): Promise<void>;
  readonly consecutiveFailures: number;
}

/** What is counted, where, and under which keys. */
export interface AttemptLimitsOptions {
  readonly limits: RateLimits;
  /** `undefined`: nothing is counted but consecutive failures. */
  readonly limiter: RateLimiter | undefined;
  /** The same, in this node's memory alone. */
  readonly nodeLimiter: RateLimiter | undefined;
  /** Told of refusals. */
  readonly observer: Observer | undefined;
  /** The bucket that a name or a network falls into, the same on all nodes; nobody outside can tell who shares one. */
  readonly bucketOf: (subject: string) => string;
}

export function createAttemptLimits(options: AttemptLimitsOptions): AttemptLimits {
  const { limits, limiter, nodeLimiter, observer, bucketOf } = options;
  const refuse = ({ name }: RateLimit, retryAfterSeconds: number): never => {
    observer?.count({ kind: "rate_limited", limit: name });
    throw new AuthError("rate_limited", { retryAfterSeconds });
  };
  const take = async (
    limit: RateLimit,
    subject: string | undefined,
    counter = limiter,
  ): Promise<TakenPoint | undefined> => {
    if (counter === undefined || subject === undefined) return undefined;
    const taken = await counter.take(limit, bucketOf(subject));
    return typeof taken === "number" ? refuse(limit, taken) : taken;
  };
  const { failuresPerNetwork, signUpsPerNetwork, consecutiveFailures } = limits;
  const { pushedRequestsPerNetwork, clientFailuresPerNetwork } = limits;
  const guessLimits = { failures: limits.failuresPerAccount, delay: limits.delayPerAccount, refuse };
  const { mailsPerAccount, mailsPerNetwork } = limits;

  return {
    consecutiveFailures,

    async beforePassword({ email, ip, sessionId }) {
      const ofNetwork = await take(failuresPerNetwork, networkOf(ip));
      const bucket = bucketOf(sessionId === null ? email : `session ${sessionId}`);
      const ofAccount = limiter && (await claimGuess(limiter, guessLimits, bucket));
      return {
        async forget() {
          await ofNetwork?.giveBack();
          await ofAccount?.forgetAll();
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

    async beforePushedRequest(ip) {
      await take(pushedRequestsPerNetwork, networkOf(ip));
    },

    async afterClientFailure({ clientId, ip }) {
      const network = networkOf(ip);
      // One client's apart from another's, so that none can be hidden behind made-up names.
      const subject = network && `${network} ${clientId ?? ""}`;
      await take(clientFailuresPerNetwork, subject, nodeLimiter);
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
