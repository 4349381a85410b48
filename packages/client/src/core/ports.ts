/**
 * What the core needs of the world. Nothing in the core reaches for a clock, a random number or the DOM, so that it runs,
 * and is tested, anywhere.
 */
export interface CorePorts {
  /** Milliseconds on a clock that never goes back and is not touched by changes of the device's time. */
  readonly nowMs: () => number;
  /** Milliseconds since 1970 by the device's clock, which may be wrong. Only differences within seconds are looked at. */
  readonly wallMs: () => number;
  readonly after: StartTimer;
  readonly randomBytes: (length: number) => Uint8Array;
  readonly fetch: (input: string | Request, init?: RequestInit) => Promise<Response>;
  readonly store: CredentialStore;
  readonly tabs: Tabs;
  readonly runExclusive: RunExclusive;
}

/** Calls back once, after so many milliseconds or later; answers how to cancel. */
export type StartTimer = (delayMs: number, callback: () => void) => () => void;

/**
 * Runs the work while no other tab runs its own, if that can be had within the wait; else runs it all the same. It saves
 * requests. Nothing may depend on it: the tab that holds the lock may be frozen.
 */
export type RunExclusive = <T>(work: () => Promise<T>, maxWaitMs: number) => Promise<T>;

/** What this client knows of the refresh token it cannot see. */
export interface Credentials {
  /** Changes with every sign-in and every refresh; equal versions are the same generation of the same session. */
  readonly version: string;
  /** How often the session has been refreshed, where that can be read. */
  readonly generation: number | undefined;
}

/** Where the credentials live, shared by all tabs (or processes) of one client. */
export interface CredentialStore {
  /** `undefined`: nobody is signed in, and there is no need to ask the authority. */
  read(): Credentials | undefined;
  /**
   * Makes sure that there is an attempt key for the refresh of these credentials; an unanswered one is used again, but for
   * a client that insists: see {@link chooseAttemptKeys}.
   */
  prepareAttempt(credentials: Credentials, insists?: boolean): void;
  /** Whether that key still stands: another tab may have written over it. */
  isPrepared(credentials: Credentials): boolean;
  /** Forgets the attempt keys of whatever session was there before. */
  clearAttempts(): void;
  /** Forgets these credentials, unless the store has moved on: never what another tab has since put there. */
  forget(credentials: Credentials): void;
}

/** The other tabs of the same origin and issuer. */
export interface Tabs {
  post(message: unknown): void;
  listen(listener: (message: unknown) => void): void;
  close(): void;
}
