/**
 * `@latchkey/client/react`: `useSession` for React 19.
 *
 * @module
 */
import { useCallback, useSyncExternalStore } from "react";

import type { Client } from "../client.ts";
import type { ClientState } from "../core/state.ts";

/** What a server renders, and a page at first, until it knows: somebody may be signed in. */
const NOT_KNOWN_YET: ClientState = { status: "refreshing", session: undefined };

/**
 * The client's state, and a new rendering whenever it changes. On a server, and while a page takes over what a server has
 * rendered, it is `refreshing` without a session, or what `serverState` says; so the two never disagree.
 *
 * ```tsx
 * const state = useSession(client);
 * return state.status === "fresh" ? <Home user={state.session.user} /> : <SignIn />;
 * ```
 */
export function useSession(
  client: Pick<Client, "subscribe" | "getState">,
  serverState: ClientState = NOT_KNOWN_YET,
): ClientState {
  const subscribe = useCallback((onChange: () => void) => client.subscribe(onChange), [client]);
  return useSyncExternalStore(subscribe, client.getState, () => serverState);
}
