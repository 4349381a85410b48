import { hash } from "node:crypto";

import { ConfigurationError } from "../errors.ts";
import type { PasswordScreening } from "../ports/password-screening.ts";

export interface PwnedPasswordsOptions {
  /** A server of the range API. Default: that of Have I Been Pwned. `https:`, or `http:` on loopback. */
  readonly url?: string;
  /** How long to wait for a whole answer, in milliseconds. Default 1500. */
  readonly timeoutMs?: number;
}

const DEFAULT_URL = "https://api.pwnedpasswords.com";
const PREFIX_LENGTH = 5;

/** Answers have some 40 KiB. */
const MAX_ANSWER_BYTES = 1_048_576;

/**
 * Have I Been Pwned's range API: the server is told the first five of forty digits of the password's SHA-1, which some two
 * thousand breached passwords share, and answers the rest of them all. With padding, so that not even the length of the
 * answer tells which.
 *
 * @throws ConfigurationError for a server that would be asked in the clear
 */
export function createPwnedPasswords(options: PwnedPasswordsOptions = {}): PasswordScreening {
  const { url = DEFAULT_URL, timeoutMs = 1_500 } = options;
  if (!isSafe(url)) throw new ConfigurationError("url: must be https:, or http: on loopback.");
  return {
    async isBreached(password) {
      const digest = hash("sha1", password, "hex").toUpperCase();
      const [prefix, suffix] = [digest.slice(0, PREFIX_LENGTH), digest.slice(PREFIX_LENGTH)];
      const response = await fetch(`${url.replace(/\/+$/, "")}/range/${prefix}`, {
        headers: { "Add-Padding": "true", "User-Agent": "latchkey" },
        redirect: "error",
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await readText(response);
      if (response.status !== 200) throw new Error(`the range API answered ${response.status}`);
      return holds(text, suffix);
    },
  };
}

/** @throws Error for what is no answer of the range API: an error page must not pass for "not breached" */
function holds(text: string, suffix: string): boolean {
  let found = false;
  for (const line of text.trim().split(/\r?\n/)) {
    const match = /^([0-9A-Fa-f]{35}):(\d+)$/.exec(line);
    if (match === null) throw new Error("the range API answered something else than a range");
    // A count of zero is padding.
    if (match[1]?.toUpperCase() === suffix && Number(match[2]) > 0) found = true;
  }
  return found;
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let [text, size] = ["", 0];
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > MAX_ANSWER_BYTES) throw new Error("the range API answered too much");
    text += decoder.decode(chunk as Uint8Array, { stream: true });
  }
  return text;
}

function isSafe(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || (protocol === "http:" && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname));
}
