import { z } from "zod";

/** One plain address: no display name, no list, no quoted local part (which mailers and databases read differently). */
export const emailSchema: z.ZodString | z.ZodEmail = z.email().max(254);

/** Any text; whether it makes a good password is the policy's affair. The bound keeps the hash from being fed megabytes. */
export const passwordSchema: z.ZodString = z.string().min(1).max(4096).refine(isWellFormed);

/** No lone surrogates: they all turn into one character when encoded, so different texts would be the same. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}
