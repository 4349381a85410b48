import { AuthError } from "../../errors.ts";
import type { SealedNotes } from "../../tokens/sealed-notes.ts";
import type { HttpContext } from "../exchange.ts";
import type { ClientRegistry } from "./client-registry.ts";

/** What the routes of OAuth work with, besides what all routes do. */
export interface OAuthFace {
  readonly clients: ClientRegistry;
  readonly notes: SealedNotes;
  /** The page that users are sent to, without fragment. */
  readonly interactionUrl: string;
  /** The cookie that says which browser began a request. */
  readonly browserCookie: string;
}

/** @throws AuthError `not_found` where there are no clients but your own apps */
export function requireOAuth({ oauth }: HttpContext): OAuthFace {
  if (oauth === undefined) throw new AuthError("not_found");
  return oauth;
}
