import { randomUUID } from "node:crypto";

import type { Origin } from "../domain/event.ts";
import type { User } from "../domain/user.ts";
import { normalizeEmail } from "../domain/user.ts";
import { AuthError } from "../errors.ts";
import { hashNewPassword, refuseWeakPassword } from "./choose-password.ts";
import type { FlowContext } from "./context.ts";
import { mailInBackground } from "./send-mail.ts";

/** Makes an account. Whether the e-mail address had one already shows neither in the answer nor in the time it takes. */
export async function signUp(
  context: FlowContext,
  request: { readonly email: string; readonly password: string; readonly name: string | null; readonly origin: Origin },
): Promise<User> {
  const email = normalizeEmail(request.email);
  refuseWeakPassword(context, request.password, { email, name: request.name });
  await context.attemptLimits.beforeSignUp(request.origin.ip);

  const now = context.clock();
  const user: User = {
    id: randomUUID(),
    email,
    name: request.name,
    emailVerified: false,
    roles: [],
    createdAt: now,
    claimsEpoch: 0,
    disabledAt: null,
  };
  const passwordHash = await hashNewPassword(context, request.password, { userId: null, origin: request.origin });
  const created = await context.store.accounts.createAccount(
    { user, passwordHash },
    { type: "user_signed_up", userId: user.id, at: now, origin: request.origin },
    { type: "sign_up_refused", userId: null, at: now, origin: request.origin },
  );
  if (!created && context.policy.revealEmailTaken) throw new AuthError("email_taken");
  mailInBackground(context, email, created ? "email-verification" : "account-exists");
  // Where the address was taken this is a user that does not exist, and looks like one that does.
  return user;
}
