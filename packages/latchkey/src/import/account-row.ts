import type { ForeignAccount } from "@latchkey/server";
import { isPasswordHash } from "@latchkey/server";
import { z } from "zod";

/** CSV knows text alone, and databases write their booleans in several ways; an empty cell is as good as none. */
const blankAsNone = (value: unknown): unknown => (value === "" ? undefined : value);

const flag = z.preprocess(
  (value) => {
    const text = typeof value === "string" ? value.toLowerCase() : value;
    if (text === "true" || text === "t" || text === "1" || text === 1) return true;
    if (text === "false" || text === "f" || text === "0" || text === 0 || text === "" || text === null) return false;
    return value;
  },
  z.boolean({ error: "must be true or false" }).default(false),
);

const time = z.preprocess(
  (value) => {
    if (value === "" || value === null) return undefined;
    if (typeof value === "string" && /^\d+$/.test(value)) return Number(value);
    if (typeof value === "string") return Math.floor(Date.parse(value) / 1000);
    return value;
  },
  z.int({ error: "must be a time by ISO 8601, or seconds since 1970" }).min(0).max(4_102_444_800).optional(),
);

const row = z.strictObject({
  id: z.preprocess(
    blankAsNone,
    z
      .string()
      .regex(/^[\u0021-\u007E]{1,255}$/, "must be printable ASCII")
      .optional(),
  ),
  email: z.email({ error: "is no plain e-mail address" }).max(254),
  password_hash: z
    .string({ error: "is missing" })
    .refine(isPasswordHash, "is of no kind that can be checked, or costs too much (see docs/passwords.md)"),
  name: z.preprocess(
    (value) => (value === "" ? null : value),
    z
      .string()
      .max(200)
      .regex(/^[^\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069]+$/u, "has characters that are no part of a name")
      .nullable()
      .default(null),
  ),
  email_verified: flag,
  roles: z.preprocess(
    (value) => (typeof value === "string" ? value.split(/[\s,;]+/).filter((role) => role !== "") : value),
    z.array(z.string().min(1)).default([]),
  ),
  created_at: time,
  disabled: flag,
});

/** What a row says, or what is wrong with it, which never repeats what it holds. */
export function parseAccountRow(value: unknown): ForeignAccount | { readonly problem: string } {
  const parsed = row.safeParse(value);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => [...issue.path.map(String), issue.message].join(": "));
    return { problem: problems.join("; ") };
  }
  const { password_hash, email_verified, created_at, ...others } = parsed.data;
  return { ...others, passwordHash: password_hash, emailVerified: email_verified, createdAt: created_at };
}
