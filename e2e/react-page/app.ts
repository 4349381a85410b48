import type { Client } from "@latchkey/client";
import { useSession } from "@latchkey/client/react";
import type { ReactElement } from "react";
import { createElement } from "react";

/** Rendered on the server and in the browser. */
export function App({ client }: { readonly client: Pick<Client, "subscribe" | "getState"> }): ReactElement {
  const state = useSession(client);
  const email = state.status === "fresh" ? state.session.user.email : "nobody";
  return createElement("p", { id: "status", "data-state": state.status }, email);
}
