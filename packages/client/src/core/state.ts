import type { EndReason, FailureCause } from "./refresh-verdict.ts";
import type { Session } from "./session.ts";

/**
 * Where the client stands.
 *
 * - `signed-out`: nobody is signed in.
 * - `refreshing`: a token is being fetched. With a `session`, the last token may still be good meanwhile.
 * - `fresh`: there is a token.
 * - `offline`: the authority cannot be asked right now; it will be, by itself. Nothing is lost.
 * - `ended`: the session is over: the authority said so (revoked, expired, or a copy was used), or the key that it is bound
 *   to is gone. Sign in again.
 */
export type ClientState =
  | { readonly status: "signed-out" }
  | { readonly status: "refreshing"; readonly session: Session | undefined }
  | { readonly status: "fresh"; readonly session: Session }
  | {
      readonly status: "offline";
      readonly session: Session | undefined;
      readonly cause: FailureCause;
      /** Whole seconds, from when the state was entered, until the next try. */
      readonly retryInSeconds: number;
    }
  | { readonly status: "ended"; readonly reason: EndReason };

/** Where something happened: in this tab, or in another one of the same origin. */
export type Place = "this-tab" | "another-tab";

/** What `subscribe` tells. A `state` event follows each of the others. */
export type ClientEvent =
  | { readonly type: "state"; readonly state: ClientState; readonly previous: ClientState }
  /** A session began, or was found at start, or another user's took its place. */
  | { readonly type: "signed-in"; readonly session: Session; readonly where: Place }
  /** The session has a new access token. */
  | { readonly type: "refreshed"; readonly session: Session; readonly where: Place }
  | { readonly type: "refresh-failed"; readonly cause: FailureCause; readonly retryInSeconds: number }
  | { readonly type: "signed-out"; readonly where: Place }
  | { readonly type: "session-ended"; readonly reason: EndReason; readonly where: Place };

export type Listener = (event: ClientEvent) => void;

export function sessionOf(state: ClientState): Session | undefined {
  return "session" in state ? state.session : undefined;
}
