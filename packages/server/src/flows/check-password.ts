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
 * Whether it is the account's password: counted as a guess first, and no longer once it was none. Unknown address, wrong
 * password and too many guesses in a row cost the same work.
 *
 * @throws AuthError `unavailable`, `rate_limited`
 */
export async function isPasswordOf(
  context: FlowContext,
  account: Account | undefined,
  attempt: Attempt & { readonly password: string },
): Promise<boolean> {
  // First of all: a guess that could not be checked must not count as one.
  const place = context.hasher.reserve?.();
  try {
    return await checkInPlace(context, account, { attempt, place });
  } finally {
    place?.release();
  }
}

async function checkInPlace(
  { attemptLimits, hasher, store }: FlowContext,
  account: Account | undefined,
  {
    attempt,
    place,
  }: { readonly attempt: Attempt & { readonly password: string }; readonly place: HashingPlace | undefined },
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
  const attempt = { email: account.user.email, ip: presented.origin.ip, password: presented.password };
  if (await isPasswordOf(context, account, attempt)) return account;
  await context.store.events.appendEvent({
    type: "reauthentication_failed",
    userId: who.user.id,
    sessionId: who.session.id,
    at: context.clock(),
    origin: presented.origin,
  });
  throw new AuthError("invalid_credentials");
}
