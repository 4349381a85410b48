import type { z } from "zod";

import { AuthError } from "../errors.ts";
import { readText } from "./body-text.ts";

/**
 * Reads a JSON body of a known shape.
 *
 * @throws AuthError `unsupported_media_type`, `payload_too_large`, or `invalid_request` that names the field
 */
export async function readJsonBody<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
): Promise<z.infer<Schema>> {
  const text = await readText(request);
  if (text !== "" || request.headers.has("content-type")) requireJson(request);
  if (text === "")
    throw new AuthError("invalid_request", { description: "The request has no body; it needs a JSON object." });
  return parse(text, schema);
}

/** The same where an empty body stands for an empty object. */
export async function readOptionalJsonBody<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
): Promise<z.infer<Schema>> {
  const text = await readText(request);
  if (text === "") return parse("{}", schema);
  requireJson(request);
  return parse(text, schema);
}

function requireJson(request: Request): void {
  const mediaType = (request.headers.get("content-type") ?? "").split(";")[0] ?? "";
  if (mediaType.trim().toLowerCase() !== "application/json") throw new AuthError("unsupported_media_type");
}

function parse<Schema extends z.ZodType>(text: string, schema: Schema): z.infer<Schema> {
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AuthError("invalid_request", {
    description: issue === undefined ? "The body is malformed." : explain(issue),
  });
}

/** Names the field and what it should be; never repeats what was sent. */
function explain(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") return "The body has a field that is not known here.";
  const field = issue.path.map(String).join(".");
  const fault =
    issue.code === "invalid_type"
      ? `must be ${/^[aeiou]/.test(issue.expected) ? "an" : "a"} ${issue.expected}`
      : issue.code === "invalid_value"
        ? `must be one of ${issue.values.map(String).join(", ")}`
        : issue.code === "too_big"
          ? "is too long"
          : issue.code === "too_small"
            ? "is too short"
            : issue.code === "invalid_format"
              ? `is no valid ${issue.format}`
              : "is not valid";
  return field === "" ? `The body ${fault}.` : `${field}: ${fault}.`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new AuthError("invalid_request", { description: "The body is not valid JSON." }, { cause: error });
  }
}
