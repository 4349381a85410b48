import type { OAuthFace } from "./http/oauth/oauth-face.ts";
import type { KeyRing } from "./keys/key-ring.ts";
import type { OAuthSettings } from "./oauth-clients.ts";
import type { Clock } from "./ports/clock.ts";
import type { IdTokens } from "./tokens/id-token.ts";
import { createIdTokens } from "./tokens/id-token.ts";
import { createSealedNotes } from "./tokens/sealed-notes.ts";

/** The parts of the OAuth face, where there are clients; without any there are none of them. */
export function assembleOAuth(options: {
  readonly settings: OAuthSettings | undefined;
  readonly issuer: string;
  readonly keyRing: KeyRing;
  readonly clock: Clock;
  readonly secure: boolean;
}): { readonly oauth: OAuthFace | undefined; readonly idTokens: IdTokens | undefined } {
  const { settings, issuer, keyRing, clock, secure } = options;
  if (settings === undefined) return { oauth: undefined, idTokens: undefined };
  const { clients, interactionUrl = `${issuer}/oauth/interaction` } = settings;
  return {
    oauth: {
      clients,
      notes: createSealedNotes({ issuer, refreshKeys: keyRing.refreshKeys, clock }),
      interactionUrl,
      browserCookie: secure ? "__Host-latchkey-authorization" : "latchkey-authorization",
    },
    idTokens: createIdTokens({
      issuer,
      keyRing,
      clientIds: clients.all.map(({ id }) => id),
      algorithmOf: (clientId) => clients.find(clientId)?.idTokenAlg,
    }),
  };
}
