/** What `client.signUp` takes. */
export interface SignUpRequest {
  readonly email: string;
  readonly password: string;
  readonly name?: string;
}

/** What `client.signIn` takes. */
export interface SignInRequest {
  readonly email: string;
  readonly password: string;
  /** Space-delimited (RFC 6749 §3.3). Default: the authority's. */
  readonly scope?: string;
  /** The API the access token is for. Default: the authority's first. */
  readonly audience?: string;
  /** Whether the session outlives the browser. Default: true. */
  readonly remember?: boolean;
}
