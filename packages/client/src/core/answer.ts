import type { ErrorCode } from "@latchkey/protocol";

import { ClientError, unreachable } from "../errors.ts";
import { isRecord } from "./session.ts";

/** An answer of the authority, read to its end. */
export interface Answer {
  readonly status: number;
  /** Its JSON; `undefined` where there is none, or none that can be read. */
  readonly body: unknown;
  readonly retryAfterSeconds: number | undefined;
}

export async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  return {
    status: response.status,
    body: parseJson(text),
    retryAfterSeconds: parseRetryAfter(response.headers.get("Retry-After")),
  };
}

/**
 * The authority's error code; `undefined` where the answer is of somebody in between (a proxy, a captive portal). The table
 * of codes is left out of the bundle, so one that a newer authority has invented passes for a known one.
 */
export function errorCodeOf(answer: Answer | undefined): ErrorCode | undefined {
  const code = isRecord(answer?.body) ? answer.body["error"] : undefined;
  return typeof code === "string" ? (code as ErrorCode) : undefined;
}

/** The error to throw for a call that was refused, or answered by nobody. */
export function refusalOf(answer: Answer | undefined): ClientError {
  const code = errorCodeOf(answer);
  if (answer === undefined || code === undefined) return unreachable();
  const { error_description: description = code, reasons } = isRecord(answer.body) ? answer.body : {};
  return new ClientError(code, String(description), {
    reasons: Array.isArray(reasons) ? reasons.map(String) : undefined,
    retryAfterSeconds: answer.retryAfterSeconds,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whole seconds only: a date (RFC 9110 §10.2.3) would be read by the device's clock, which may be a day off. */
function parseRetryAfter(value: string | null): number | undefined {
  return value !== null && /^\d{1,6}$/.test(value) ? Number(value) : undefined;
}
