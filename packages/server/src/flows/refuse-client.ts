import type { Origin } from "../domain/event.ts";
import { AuthError } from "../errors.ts";
import type { FlowContext } from "./context.ts";
import { networkOf } from "./rate-limits.ts";
import { recordOnce } from "./record-once.ts";

/** Who could not prove to be a client, or a resource server. */
export interface UnprovenClient {
  /** Whom they called themselves, where there is such a client; any other name is the caller's own text, and is kept nowhere. */
  readonly clientId: string | null;
  readonly origin: Origin;
}

/**
 * The refusal of who could not prove to be the client, recorded once an hour for each client and network, and for all the names in
 * a network that are nobody's. What was presented is in neither.
 *
 * @throws AuthError `rate_limited` where there were too many, of which nothing more is recorded
 */
export async function refuseClient(context: FlowContext, { clientId, origin }: UnprovenClient): Promise<AuthError> {
  await context.attemptLimits.afterClientFailure({ clientId, ip: origin.ip });
  await recordOnce(context, `${clientId ?? ""}\n${networkOf(origin.ip) ?? ""}`, {
    type: "client_authentication_failed",
    userId: null,
    clientId,
    at: context.clock(),
    origin,
  });
  return new AuthError("invalid_client");
}
