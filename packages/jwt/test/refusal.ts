import { JwtError, type JwtErrorCode } from "@latchkey/jwt";

/** The code a call is refused with, or undefined where it succeeds. Any other error than a JwtError is a failure. */
export function refusalOf(call: () => unknown): JwtErrorCode | undefined {
  return errorOf(call)?.code;
}

export function errorOf(call: () => unknown): JwtError | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (error instanceof JwtError) return error;
    throw error;
  }
}
