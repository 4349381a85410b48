import { AuthError } from "../errors.ts";
import { readText } from "./body-text.ts";

/**
 * Reads a form, as OAuth's endpoints take it: parameters that are unknown or empty count as not sent, none may come twice
 * (RFC 6749 §3.2).
 *
 * @throws AuthError `unsupported_media_type`, `payload_too_large`, or `invalid_request` that names the parameter
 */
export async function readFormBody<Name extends string>(
  request: Request,
  names: readonly Name[],
): Promise<{ readonly [name in Name]?: string }> {
  const text = await readText(request);
  const mediaType = (request.headers.get("content-type") ?? "").split(";")[0] ?? "";
  if (mediaType.trim().toLowerCase() !== "application/x-www-form-urlencoded") {
    throw new AuthError("unsupported_media_type", {
      description: "The request body must be application/x-www-form-urlencoded.",
    });
  }
  const form = new URLSearchParams(text);
  const twice = names.find((name) => form.getAll(name).length > 1);
  if (twice !== undefined) throw new AuthError("invalid_request", { description: `${twice}: must not come twice.` });
  const sent = names.flatMap((name) => {
    const value = form.get(name);
    return value === null || value === "" ? [] : [[name, value] as const];
  });
  return Object.fromEntries(sent) as { readonly [name in Name]?: string };
}

/** A parameter that must be there. @throws AuthError `invalid_request` that names it */
export function required(value: string | undefined, name: string): string {
  if (value === undefined) throw new AuthError("invalid_request", { description: `${name}: is missing.` });
  return value;
}
