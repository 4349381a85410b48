/** A user whose account is kept by the operator. */
export interface OwnUser {
  /** The `sub` of their tokens, for good: never another person's. 1 to 255 characters, none of them a control character. */
  readonly id: string;
  readonly email: string;
  readonly name?: string | null;
  readonly emailVerified?: boolean;
  readonly roles?: readonly string[];
  /** Seconds since 1970. */
  readonly createdAt: number;
  /** A disabled user neither signs in nor refreshes. */
  readonly disabled?: boolean;
}

/** What somebody signs in with. */
export interface Credentials {
  /** Normalised: Unicode NFC, lower case. */
  readonly email: string;
  readonly password: string;
  /** The client's address. */
  readonly ip: string | null;
}

/**
 * Your own users, in place of Latchkey's accounts. Both functions may throw: then the request is answered `unavailable`, and
 * nobody is let in or signed out.
 */
export interface OwnUsers {
  /**
   * Whose credentials these are; `undefined` or null for nobody's, whatever is wrong with them. Takes as long for an address
   * that has no account as for a wrong password, or it tells who has one. Guesses are counted before it is asked.
   */
  authenticate(credentials: Credentials): Promise<Pick<OwnUser, "id"> | null | undefined>;
  /** The user as they are now, asked at every refresh; `undefined` or null once they are gone. */
  findUser(id: string): Promise<OwnUser | null | undefined>;
}
