import { AuthError } from "../errors.ts";
import type { Account } from "../ports/account-store.ts";
import type { Credentials, OwnUsers } from "../ports/own-users.ts";
import { askHook } from "./ask-hook.ts";
import type { FlowContext } from "./context.ts";

/**
 * Asks the operator whose credentials these are: counted as a guess first, and no longer once it was none. What is known of
 * the user is then read as at every refresh.
 *
 * @throws AuthError `rate_limited`, `unavailable`
 */
export async function authenticateOwnUser(
  context: FlowContext,
  users: OwnUsers,
  credentials: Credentials,
): Promise<Account | undefined> {
  const { attemptLimits, hooks, store } = context;
  const guess = await attemptLimits.beforePassword({ ...credentials, sessionId: null });
  const hook = { name: "users.authenticate", timeoutSeconds: hooks.timeoutSeconds };
  const found = await askHook(hook, async () => {
    try {
      return await users.authenticate(credentials);
    } catch (error) {
      // One that is late goes on working, and counts: or a flood that makes it late would be let through.
      await guess.giveBack();
      // oxlint-disable-next-line preserve-caught-error -- what it says may hold the very password, and is logged
      throw new Error(`users.authenticate failed (${error instanceof Error ? error.name : typeof error}).`);
    }
  });
  if (found === null || found === undefined) return undefined;
  if (typeof found.id !== "string") {
    const cause = new TypeError("users.authenticate answered with a user without id.");
    throw new AuthError("unavailable", {}, { cause });
  }
  await guess.forget();
  return store.accounts.findAccount(found.id);
}
