import { timingSafeEqual } from "node:crypto";
import { JwtError } from "./jwt-error.ts";
import { createMac } from "./mac.ts";
import { assertKnownOptions } from "./options.ts";

export interface DpopNoncesOptions {
  /** At least 32 random bytes. Whoever shares it takes each other's nonces: every node of one server, and no other server. */
  readonly secret: Uint8Array;
  /** Seconds since 1970; the system's clock by default. */
  readonly clock?: (() => number) | undefined;
}

/** The nonces a server hands out (RFC 9449 §8, §9): they say when a proof was made, by the server's clock. */
export interface DpopNonces {
  /** The one to hand out now; it serves for two to three minutes. */
  issue(): string;
  /** Until when a nonce of this server serves, in seconds since 1970; undefined for any other, and for one that is over. */
  read(nonce: string): number | undefined;
}

const stepSeconds = 60;
/** A nonce serves in its own step and in the two that follow. */
const stepsServed = 3;

/**
 * Nonces that nobody has to keep: the number of a minute and its MAC. A new one each minute, the same on every node; one
 * from the minute to come is taken too, since another node's clock may be ahead.
 */
export function createDpopNonces(options: DpopNoncesOptions): DpopNonces {
  assertKnownOptions(options, ["secret", "clock"]);
  const { secret, clock = systemClock } = options;
  if (!(secret instanceof Uint8Array) || secret.length < 32) {
    throw new JwtError("invalid_options", 'The option "secret" must be at least 32 random bytes.');
  }
  const currentStep = (): number => Math.floor(clock() / stepSeconds);
  const mac = createMac(secret);
  const nonceOf = (step: number): string => `${step}.${mac(`dpop nonce\n${step}`).slice(0, 22)}`;

  return {
    issue: () => nonceOf(currentStep()),

    read(nonce) {
      const step = Number(/^(\d{1,12})\.[\w-]{22}$/.exec(nonce)?.[1] ?? Number.NaN);
      const age = currentStep() - step;
      if (!(age >= -1 && age < stepsServed)) return undefined;
      const expected = Buffer.from(nonceOf(step));
      const presented = Buffer.from(nonce);
      if (presented.length !== expected.length || !timingSafeEqual(presented, expected)) return undefined;
      return (step + stepsServed) * stepSeconds;
    },
  };
}

function systemClock(): number {
  return Date.now() / 1000;
}
