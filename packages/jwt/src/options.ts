import { JwtError } from "./jwt-error.ts";

/** Refuses options that nobody reads: a misspelt `leewaySecond` must not pass for a rule. */
export function assertKnownOptions(options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) throw new JwtError("invalid_options", "Options are an object.");
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new JwtError("invalid_options", `Unknown option "${name}": known are ${known.join(", ")}.`);
    }
  }
}

export function assertText(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string" || value === "") {
    throw new JwtError("invalid_options", `The option "${name}" must be a non-empty string.`);
  }
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

export function assertInteger(value: unknown, name: string, { min, max }: Range): asserts value is number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw new JwtError("invalid_options", `The option "${name}" must be a whole number from ${min} to ${max}.`);
  }
}
