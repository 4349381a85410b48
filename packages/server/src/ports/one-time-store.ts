/** What must count once. Part of the key: what was used for one purpose is unused for another. */
export type OneTimePurpose =
  | "dpop-proof"
  | "email-change"
  | "known-device"
  | "device-change"
  | "recorded-event"
  | "authorization-request"
  | "pushed-request"
  | "client-assertion";

/** Remembers what has been used, so that it counts once on however many nodes. */
export interface OneTimeStore {
  /**
   * Answers whether this call was the first for this purpose and hash. One atomic step, durable before it is answered: not
   * even a crash makes a used thing new. With each call a few uses whose time is over are forgotten, so that nobody has to
   * call for that.
   */
  consume(use: OneTimeUse): Promise<boolean>;
}

export interface OneTimeUse {
  readonly purpose: OneTimePurpose;
  /** Of what is used, never the thing itself. */
  readonly hash: string;
  /** Now, in whole seconds since 1970. */
  readonly at: number;
  /** The use is remembered until then at least: what it is of must be worthless by then, on the slowest clock of a node. */
  readonly expiresAt: number;
}

/** How many uses whose time is over go with each call, in stores that do not forget by themselves: more than come. */
export const FORGOTTEN_PER_USE = 3;
