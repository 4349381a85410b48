import type { Origin } from "../domain/event.ts";
import { normalizeEmail } from "../domain/user.ts";
import type { FlowContext } from "./context.ts";
import { mailInBackground } from "./send-mail.ts";

/**
 * Mails a link with which a new password can be chosen. The answer says nothing, and comes before anybody has looked
 * whether there is such an account.
 *
 * @throws AuthError `rate_limited`, the same for accounts that exist and for those that do not
 */
export async function requestPasswordReset(
  context: FlowContext,
  request: { readonly email: string; readonly origin: Origin },
): Promise<void> {
  const email = normalizeEmail(request.email);
  const { origin } = request;
  await context.attemptLimits.beforeMail({ email, ip: origin.ip });
  const at = context.clock();
  mailInBackground(context, email, "password-reset", ({ user }) => ({
    type: "password_reset_requested",
    userId: user.id,
    at,
    origin,
  }));
}
