import type { z } from "zod";

import { AuthError } from "../errors.ts";
import { readText } from "./body-text.ts";

/** The parameters of a form, each a text. */
export type FormShape = Readonly<Record<string, z.ZodString | z.ZodOptional<z.ZodString>>>;

/**
 * Reads a form, as OAuth's endpoints take it: parameters that are unknown or empty count as not sent, none may come twice
 * (RFC 6749 §3.2).
 *
 * @throws AuthError `unsupported_media_type`, `payload_too_large`, or `invalid_request` that names the parameter
 */
export async function readFormBody<Shape extends FormShape>(
  request: Request,
  schema: z.ZodObject<Shape>,
): Promise<z.infer<z.ZodObject<Shape>>> {
  const form = await readForm(request);
  const names = Object.keys(schema.shape);
  const twice = names.find((name) => form.getAll(name).length > 1);
  if (twice !== undefined) throw new AuthError("invalid_request", { description: `${twice}: must not come twice.` });
  const sent = names.flatMap((name) => {
    const value = form.get(name);
    return value === null || value === "" ? [] : [[name, value] as const];
  });
  const parsed = schema.safeParse(Object.fromEntries(sent));
  if (parsed.success) return parsed.data;
  const [field = "form"] = parsed.error.issues.map(({ path }) => String(path[0]));
  const fault = form.get(field) ? "is not valid" : "is missing";
  throw new AuthError("invalid_request", { description: `${field}: ${fault}.` });
}

/** All of a form. @throws AuthError as `readFormBody` but for what comes twice */
export async function readForm(request: Request): Promise<URLSearchParams> {
  const text = await readText(request);
  const mediaType = (request.headers.get("content-type") ?? "").split(";")[0] ?? "";
  if (mediaType.trim().toLowerCase() !== "application/x-www-form-urlencoded") {
    throw new AuthError("unsupported_media_type", {
      description: "The request body must be application/x-www-form-urlencoded.",
    });
  }
  return new URLSearchParams(text);
}
