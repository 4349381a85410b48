import { ConfigurationError } from "../../errors.ts";
import type { Durability } from "./inspection.ts";

export interface RedisSessionStoreSettings {
  /** What the names of all keys begin with, between braces; `latchkey` by default. */
  readonly prefix?: string;
  /** Whether a server that may forget a confirmed revocation is refused; `checked`, so it is, by default. */
  readonly durability?: Durability;
  /** About how many events are kept, in memory; the oldest are dropped first. 1,000,000 by default. */
  readonly eventsKept?: number;
  /**
   * How many replicas must have confirmed what is not to be forgotten, which is all but rotations, before it is answered;
   * 0 by default. With more, there is a second connection, on which those writes wait for each other's confirmation.
   */
  readonly replicas?: number;
}

const DEFAULTS: Required<RedisSessionStoreSettings> = {
  prefix: "latchkey",
  durability: "checked",
  eventsKept: 1_000_000,
  replicas: 0,
};

const KNOWN: readonly string[] = [...Object.keys(DEFAULTS), "url", "client"];

/** @throws ConfigurationError that names the setting and says how to mend it */
export function parseSettings(options: RedisSessionStoreSettings): Required<RedisSessionStoreSettings> {
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) throw new ConfigurationError(`${unknown}: the Redis store has no such option.`);

  const {
    prefix = DEFAULTS.prefix,
    durability = DEFAULTS.durability,
    eventsKept = DEFAULTS.eventsKept,
    replicas = DEFAULTS.replicas,
  } = options;
  if (!/^[\w.:-]{1,64}$/.test(prefix)) {
    throw new ConfigurationError("prefix: must be 1 to 64 letters, digits or any of _ . : -");
  }
  if (durability !== "checked" && durability !== "unchecked") {
    throw new ConfigurationError('durability: must be "checked" or "unchecked".');
  }
  if (!Number.isSafeInteger(eventsKept) || eventsKept < 1) {
    throw new ConfigurationError("eventsKept: must be a whole number above 0.");
  }
  if (!Number.isSafeInteger(replicas) || replicas < 0) {
    throw new ConfigurationError("replicas: must be a whole number, 0 or above.");
  }
  return { prefix, durability, eventsKept, replicas };
}
