/** A user as clients see one. The identity is (`iss`, `id`): an e-mail address may change hands (ASVS 10.3.3). */
export interface UserAnswer {
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
  readonly email_verified: boolean;
  readonly roles: readonly string[];
  /** RFC 3339, UTC. */
  readonly created_at: string;
}

/** What sign-in and refresh answer. */
export interface SessionAnswer {
  readonly access_token: string;
  readonly token_type: "Bearer" | "DPoP";
  /** Life of the access token, in whole seconds from now. */
  readonly expires_in: number;
  /** Space-delimited (RFC 6749 §3.3). */
  readonly scope: string;
  readonly session_id: string;
  readonly user: UserAnswer;
  /** Only by body transport; by cookie transport no script ever sees it. */
  readonly refresh_token?: string;
  /** Whole seconds from now until the refresh token expires unless it is used. */
  readonly refresh_token_timeout: number;
  /** Whole seconds from now until the session ends however often it is refreshed. */
  readonly authorization_expires_in: number;
}

/** What sign-in answers with `transport: "session"`: no token reaches the browser. */
export type OpaqueSessionAnswer = Omit<
  SessionAnswer,
  "access_token" | "token_type" | "expires_in" | "refresh_token" | "refresh_token_timeout"
> & {
  /** Whole seconds from now until the session ends unless it is used. */
  readonly idle_timeout: number;
  /** What to send back in `X-CSRF-Token`, or in a form, with anything but GET and HEAD. */
  readonly csrf_token: string;
};

/** One of a user's sessions: one sign-in, on one device, for one client. */
export interface SessionSummary {
  readonly id: string;
  readonly current: boolean;
  /** The `User-Agent` it was last seen with, cut to 256 characters and without control characters. */
  readonly device: string | null;
  /** The same for people: `Firefox on Linux`. Null where it is not recognised. */
  readonly device_name: string | null;
  /** The address it began from. */
  readonly ip: string | null;
  /** Where it was last seen, as an ISO 3166 code (`DE`, `DE-BE`), where the authority locates addresses. */
  readonly place: string | null;
  /** RFC 3339, UTC, like the two below. */
  readonly created_at: string;
  readonly last_seen_at: string;
  readonly expires_at: string;
  readonly client_id: string;
}

/** How the refresh token travels: in an HttpOnly cookie (browsers), or in JSON bodies (native apps, CLIs, servers). */
export type Transport = "cookie" | "body";
