import type { ErrorCode } from "@latchkey/protocol";

import { AuthError } from "../errors.ts";
import { securityHeaders } from "./answer-headers.ts";
import { errorAnswer } from "./answers.ts";

/** A refusal, ready to be written. */
export interface PlainRefusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * The refusal of what no route ever sees, with the headers that all answers carry.
 *
 * @param details.secure whether the authority is served over HTTPS
 * @param details.status in place of the code's own
 */
export function plainRefusal(
  code: ErrorCode,
  details: {
    readonly secure: boolean;
    readonly status?: number;
    readonly description?: string;
    readonly reasons?: readonly string[];
  },
): PlainRefusal {
  const { secure, ...others } = details;
  const { status, headers, body } = errorAnswer(new AuthError(code, others));
  return { status, headers: { ...headers, ...securityHeaders({ secure }) }, body: body as string };
}
