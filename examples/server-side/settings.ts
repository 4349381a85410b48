/** Where things are, for each of these examples. */
export interface Settings {
  /** The authority, on the host that browsers see this server on. */
  readonly issuer: string;
  /** The API, which takes access tokens. */
  readonly apiOrigin: string;
  /** Where browsers see this server, if that is not the issuer's origin. */
  readonly pageOrigin: string;
}
