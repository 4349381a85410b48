import type { Origin } from "../domain/event.ts";
import { normalizePassword, passwordObjections } from "../domain/password-policy.ts";
import { AuthError } from "../errors.ts";
import type { PasswordScreening } from "../ports/password-screening.ts";
import type { FlowContext } from "./context.ts";

/** What the operator asks of new passwords, beyond what is asked of all. */
export interface NewPasswordRules {
  /** What the service is called. */
  readonly serviceNames: readonly string[];
  /** `undefined`: nobody is asked about breaches. */
  readonly breached: { readonly screening: PasswordScreening; readonly onUnavailable: "allow" | "refuse" } | undefined;
}

/** @throws AuthError `weak_password`, with all that can be said without asking anybody */
export function refuseWeakPassword(
  { newPasswords }: FlowContext,
  password: string,
  owner: { readonly email: string; readonly name: string | null },
): void {
  const { email, name } = owner;
  const reasons = passwordObjections(password, { email, name, serviceNames: newPasswords.serviceNames });
  if (reasons.length > 0) throw new AuthError("weak_password", { reasons });
}

/**
 * Hashes a new password that is not known from breaches. Asks nothing about accounts, so that it takes as long whether or not
 * there is one.
 *
 * @throws AuthError `weak_password`, `unavailable`
 */
export async function hashNewPassword(
  context: FlowContext,
  password: string,
  chooser: { readonly userId: string | null; readonly origin: Origin },
): Promise<string> {
  const normalized = normalizePassword(password);
  if (await isBreached(context, normalized, chooser)) {
    const reason = "This password is known from breaches of other services. Choose another, and change it there, too.";
    throw new AuthError("weak_password", { reasons: [reason] });
  }
  return context.hasher.hash(normalized);
}

async function isBreached(
  { newPasswords: { breached }, logger, store, clock }: FlowContext,
  normalized: string,
  { userId, origin }: { readonly userId: string | null; readonly origin: Origin },
): Promise<boolean> {
  if (breached === undefined) return false;
  try {
    return await breached.screening.isBreached(normalized);
  } catch (error) {
    logger.warn({ err: error }, `breached passwords cannot be looked up: ${breached.onUnavailable}`);
    if (breached.onUnavailable === "refuse") throw new AuthError("unavailable", {}, { cause: error });
    await store.events.appendEvent({ type: "password_screening_skipped", userId, at: clock(), origin });
    return false;
  }
}
