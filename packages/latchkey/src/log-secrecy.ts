/** Fields that are never written down, wherever in an entry they are. */
const SECRET_NAMES = [
  "authorization",
  "body",
  "cookie",
  "dpop",
  "headers",
  "password",
  "query",
  "secret",
  '["set-cookie"]',
  "token",
] as const;

/** As pino's `redact` names them, to the third level. */
export const SECRET_FIELDS: readonly string[] = SECRET_NAMES.flatMap((name) => {
  const below = name.startsWith("[") ? name : `.${name}`;
  return [name, `*${below}`, `*.*${below}`];
});

const MAX_TEXT = 500;
const MAX_CAUSES = 4;

/**
 * A text from outside, for one line of a log that people read in a terminal: control characters are written out, and what
 * looks like a token, a secret or credentials in a URL is left out.
 */
export function safeText(text: string, maxLength: number = MAX_TEXT): string {
  return (
    text
      .slice(0, 4 * maxLength)
      .replaceAll(/(?<=:\/\/)[^/@\s]+@/g, "[redacted]@")
      .replaceAll(/eyJ[\w-]*(\.[\w-]*)*/g, "[redacted]")
      // In two steps, each linear: as one expression it would begin anew at each character of what anybody may send.
      .replaceAll(/[\w+/-]{40,}[\w+/=-]*/g, (run) => (/[\w-]{40}/.test(run) ? "[redacted]" : run))
      .replaceAll(UNPRINTABLE, (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`)
      .slice(0, maxLength)
  );
}

/** Control and format characters (C0, DEL, C1, bidirectional marks), line separators, and halves of characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

export interface DescribedError {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  /** Where it was thrown; its message is not repeated, since that may have lines of its own. */
  readonly stack?: readonly string[];
  readonly cause?: DescribedError;
}

/**
 * What an error may tell a log. Drivers hang on their errors what was being done: a command's arguments, a row's values; so
 * only what is named here is taken.
 */
export function describeError(error: unknown, depth: number = 0): DescribedError {
  if (!(error instanceof Error)) return { type: typeof error, message: "" };
  const code: unknown = "code" in error ? error.code : undefined;
  const places = (error.stack ?? "").split("\n").filter((line) => /^ {4}at /.test(line));
  return {
    type: error.name,
    message: safeText(error.message),
    ...(typeof code === "string" && { code: safeText(code, 60) }),
    ...(places.length > 0 && { stack: places.slice(0, 12).map((line) => safeText(line.trim(), 300)) }),
    ...(error.cause !== undefined && depth < MAX_CAUSES && { cause: describeError(error.cause, depth + 1) }),
  };
}
