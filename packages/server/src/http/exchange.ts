import type { CookieNames } from "@latchkey/protocol";

import type { Origin } from "../domain/event.ts";
import type { FlowContext } from "../flows/context.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import type { RevocationFeed } from "../revocations/revocation-feed.ts";
import type { StatusLists } from "../status-lists/status-lists.ts";
import type { CsrfTokens } from "../tokens/csrf-token.ts";
import type { HeaderFields } from "./answer-headers.ts";
import type { DpopProofs } from "../tokens/dpop-proof.ts";
import type { ReadClientAddress } from "./client-address.ts";
import type { FollowerPlaces } from "./follower-places.ts";
import type { OAuthFace } from "./oauth/oauth-face.ts";
import type { ScanLimit } from "./oauth/scan-limit.ts";
import type { Answers } from "./contract/answers.ts";
import type { Caller } from "./contract/callers.ts";
import type { Parameter } from "./contract/parameters.ts";
import type { Provision } from "./provisions.ts";
import type { Readiness } from "./readiness.ts";
import type { RequestBody } from "./request-body.ts";
import type { ResourceServers } from "./resource-server-authentication.ts";

/** What the routes work with: the flows' context, and what only the wire has. */
export interface HttpContext extends FlowContext {
  readonly issuer: string;
  /** The issuer's path, empty or beginning with a slash; every route lies below it. */
  readonly basePath: string;
  readonly keyRing: KeyRing;
  readonly accessTokenAlgorithms: readonly string[];
  readonly keyPublishAheadSeconds: number;
  readonly csrfTokens: CsrfTokens;
  readonly dpopProofs: DpopProofs;
  readonly cookies: CookieSettings;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly resourceServers: ResourceServers;
  /** `undefined`: there are no clients but your own apps. */
  readonly oauth: OAuthFace | undefined;
  readonly scanLimit: ScanLimit;
  readonly readClientAddress: ReadClientAddress;
  readonly isTrustedProxy: (peer: string | undefined) => boolean;
  readonly readiness: Readiness;
  readonly revocationFeed: RevocationFeed;
  readonly isRevocationFeedPublic: boolean;
  readonly followerPlaces: FollowerPlaces;
  /** Where the authority keeps them. */
  readonly statusLists: StatusLists | undefined;
}

export interface CookieSettings {
  readonly names: CookieNames;
  readonly secure: boolean;
  readonly refreshPath: string;
  /** The name of the access token's cookie, where there is to be one. */
  readonly accessName?: string;
  /** The name of the opaque session cookie. */
  readonly sessionName: string;
}

/** One request, on its way to an answer. */
export interface Exchange {
  readonly request: Request;
  readonly params: Readonly<Record<string, string>>;
  readonly http: HttpContext;
  /** Where the request came from, for the record. */
  readonly origin: Origin;
}

/** What an exchange comes to; what every answer carries besides, the responder adds. */
export interface Answer {
  readonly status: number;
  readonly headers: HeaderFields;
  /** The values of `Set-Cookie`. */
  readonly cookies?: readonly string[];
  readonly body: string | ReadableStream<Uint8Array> | null;
}

/** Answers one call; what it takes in the body, if anything, is known of it. */
export interface Handler {
  (exchange: Exchange): Promise<Answer>;
  readonly takes?: RequestBody;
}

/** One call of the wire contract. All that its description says of it is here. */
export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly summary: string;
  /** What the authority must have for the route to exist. */
  readonly needs?: readonly Provision[];
  /** Who has to be known before anything is done; nobody where it is not said. */
  readonly caller?: Caller;
  /** Header fields and parameters of the query that it heeds. */
  readonly heeds?: readonly Parameter[];
  /** What it answers, by status, but for refusals. */
  readonly answers: Answers;
  /** For who asks from inside the network, and learns nothing that is secret. */
  readonly inClearText?: true;
  readonly handle: Handler;
}
