import { ATTEMPT_HEADER, DPOP_HEADER } from "@latchkey/protocol";

/** A header field or a parameter of the query, as OpenAPI has it. */
export interface Parameter {
  readonly name: string;
  readonly in: "header" | "query";
  readonly description: string;
}

export const DPOP: Parameter = {
  name: DPOP_HEADER,
  in: "header",
  description: "A proof of possession (RFC 9449): binds the session to its key.",
};

export const ATTEMPT: Parameter = {
  name: ATTEMPT_HEADER,
  in: "header",
  description:
    "Attempt keys, newest first, separated by commas: a refresh whose answer was lost is asked for again with the same.",
};

export const AFTER: Parameter = {
  name: "after",
  in: "query",
  description: "The cursor to go on from.",
};
