import type { Origin } from "../domain/event.ts";
import { normalizePassword } from "../domain/password-policy.ts";
import { AuthError } from "../errors.ts";
import type { Account } from "../ports/account-store.ts";
import type { HashingPlace } from "../ports/password-hasher.ts";
import type { FlowContext } from "./context.ts";
import type { SignedIn } from "./identify.ts";
import type { Attempt } from "./rate-limits.ts";

/** An account that does not exist is looked for and hashed for all the same. */
const NOBODY = "00000000-0000-0000-0000-000000000000";

/**
 * Does work that checks a password, in a place of the hasher's. First of all: a guess that could not be checked must not
 * count as one, and what is refused for want of a place must have cost next to nothing.
 *
 * @throws AuthError `unavailable`
 */
export async function inHashingPlace<Result>(
  { hasher }: FlowContext,
  work: (place: HashingPlace | undefined) => Promise<Result>,
): Promise<Result> {
  const place = hasher.reserve?.();
  try {
    return await work(place);
  } finally {
    place?.release();
  }
}

/**
 * Whether it is the account's password: counted as a guess first, and no longer once it was none. Unknown address, wrong
 * password and too many guesses in a row cost the same work.
 *
 * @throws AuthError `rate_limited`
 */
export async function isPasswordOf(
  { attemptLimits, hasher, store }: FlowContext,
  account: Account | undefined,
  attempt: Attempt & { readonly password: string },
  place: HashingPlace | undefined,
): Promise<boolean> {
  const guess = await attemptLimits.beforePassword(attempt);
  const userId = account?.user.id ?? NOBODY;
  const mayBeRight = await store.accounts.claimPasswordCheck(userId, attemptLimits.consecutiveFailures);
  const password = normalizePassword(attempt.password);
  const isRight =
    account !== undefined && mayBeRight
      ? await hasher.verify(password, account.passwordHash, place)
      : await hasher.verifyNothing(password, place);
  if (isRight) await Promise.all([store.accounts.clearPasswordChecks(userId), guess.forget()]);
  return isRight;
}

/** Asks a signed-in user for the password once more, before something that a stolen access token must not do. */
export async function checkPassword(
  context: FlowContext,
  who: SignedIn,
  presented: { readonly password: string; readonly origin: Origin },
): Promise<Account> {
  const account = await context.store.accounts.findAccount(who.user.id);
  if (account === undefined) throw new AuthError("invalid_token");
  const { password, origin } = presented;
  const attempt = { email: account.user.email, ip: origin.ip, sessionId: who.session.id, password };
  if (await inHashingPlace(context, (place) => isPasswordOf(context, account, attempt, place))) return account;
  await context.store.events.appendEvent({
    type: "reauthentication_failed",
    userId: who.user.id,
    sessionId: who.session.id,
    at: context.clock(),
    origin: presented.origin,
  });
  throw new AuthError("invalid_credentials");
}
