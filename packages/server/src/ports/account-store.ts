import type { AuthEvent } from "../domain/event.ts";
import type { User } from "../domain/user.ts";

/** A user together with what proves who they are. Kept apart from {@link User} so that no answer can ever hold it. */
export interface Account {
  readonly user: User;
  /** A PHC string; see the password hasher. */
  readonly passwordHash: string;
}

/** Where accounts live. Every verb is one atomic, durable step; see the session store for its events. */
export interface AccountStore {
  /**
   * Answers `false`, and makes none, where the e-mail address has an account already.
   *
   * @param otherwise is appended then, so that it takes the work, and the wait for the disk, that making one does
   */
  createAccount(account: Account, event: AuthEvent, otherwise?: AuthEvent): Promise<boolean>;

  /**
   * Makes many accounts in one step, but for those whose id or e-mail address an account has already; answers which were
   * made, in their order. No two of a call may share an id or an address.
   */
  importAccounts(imports: readonly AccountImport[]): Promise<readonly boolean[]>;

  /** So many users, in the order of their e-mail addresses, after this address. */
  listUsers(afterEmail: string, limit: number): Promise<readonly User[]>;

  findUser(id: string): Promise<User | undefined>;

  findAccount(userId: string): Promise<Account | undefined>;

  /** By the normalised e-mail address. */
  findAccountByEmail(email: string): Promise<Account | undefined>;

  /**
   * Counts an attempt to guess the password, before it is checked, unless there have been as many as may fail in a row:
   * then it answers `false` and changes nothing, as it does where there is no such user. A crash may forget the last few.
   */
  claimPasswordCheck(userId: string, limit: number): Promise<boolean>;

  /**
   * Whatever was counted was no guess: the password was right, or, with an event, which makes the step durable, somebody
   * says so.
   */
  clearPasswordChecks(userId: string, event?: AuthEvent): Promise<void>;

  /**
   * Sets a new password hash if the old one still is as it was checked, ends every session of the user but the one
   * named, and clears what was counted, in one step. Answers `false`, and changes nothing, where the old hash has
   * changed meanwhile.
   */
  changePassword(change: PasswordChange, event: AuthEvent): Promise<boolean>;

  /**
   * Replaces the hash of a password by another of the same password, if it still is as it was checked: no session ends.
   * Answers `false`, and changes nothing, where it has changed meanwhile.
   */
  upgradePasswordHash(upgrade: {
    readonly userId: string;
    readonly expectedHash: string;
    readonly newHash: string;
  }): Promise<boolean>;

  /**
   * Disables an account as of a time, or enables it with `null`; a session of a disabled account is good for nothing, and
   * its API tokens end in the same step, for good: who verifies those does not ask about their user.
   * Answers `false`, and changes nothing, where it is so already or there is no such user.
   */
  setDisabled(
    change: { readonly userId: string; readonly disabledAt: number | null },
    event: AuthEvent,
  ): Promise<boolean>;

  /** Notes that the address is the user's, once: answers `false` where it was noted, or is another, or there is none. */
  verifyEmail(address: { readonly userId: string; readonly email: string }, event: AuthEvent): Promise<boolean>;

  /**
   * Gives the account another address, verified, if address and password hash still are as they were checked. Answers
   * `false`, and changes nothing, where they have changed, or where the new address has an account.
   */
  changeEmail(change: EmailChange, event: AuthEvent): Promise<boolean>;

  /** Answers whether there is such a user. */
  setRoles(change: { readonly userId: string; readonly roles: readonly string[] }, event: AuthEvent): Promise<boolean>;

  /**
   * Begins a claims epoch, though nothing that is kept here has changed: tokens issued so far are stale. Answers whether
   * there is such a user.
   */
  beginClaimsEpoch(userId: string, event: AuthEvent): Promise<boolean>;

  /**
   * Removes the account if its password hash still is as it was checked, and ends its sessions, in one step. Answers
   * `false`, and changes nothing, where the account is gone or its hash has changed meanwhile.
   */
  deleteAccount(
    deletion: { readonly userId: string; readonly expectedHash: string },
    event: AuthEvent,
  ): Promise<boolean>;
}

/** An account that comes from elsewhere, and the event of that. */
export interface AccountImport extends Account {
  readonly event: AuthEvent;
}

export interface EmailChange {
  readonly userId: string;
  readonly expectedEmail: string;
  readonly expectedHash: string;
  /** Normalised. */
  readonly newEmail: string;
}

export interface PasswordChange {
  readonly userId: string;
  readonly expectedHash: string;
  readonly newHash: string;
  /** The session that lives on, if any. */
  readonly keepSessionId: string | null;
  readonly at: number;
}
