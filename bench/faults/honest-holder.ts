import type { HttpMessage } from "../harness/http-message.ts";
import { statusOf } from "../harness/http-message.ts";

/** How one honest try to refresh came out. */
export type Outcome =
  | { readonly kind: "granted" }
  /** The store has moved on: it is read again, and the refresh tried again. */
  | { readonly kind: "moved-on" }
  /** Not tried yet: another of the holder's clients may still be answered. */
  | { readonly kind: "waited" }
  /** Nobody answered, or the server was busy: the same is asked again. */
  | { readonly kind: "no-answer" }
  /** The authority says that the session is over, and it speaks of the session that is in the store. */
  | { readonly kind: "ended" }
  | { readonly kind: "malformed"; readonly what: string };

/** What a thief takes away. */
export interface StolenCopy {
  readonly refreshToken: string;
  readonly generation: number;
  readonly keys: readonly string[];
}

/** An honest owner of a session: one credential store, and one or more that work on it. */
export interface HonestHolder {
  readonly generation: number;
  /** Tries to refresh once, as the client with this number (a tab, where there are several). */
  tryRefresh(worker: number): Promise<Outcome>;
  /** What a client does that the store keeps leading nowhere: from now on it asks with a second key. */
  insist(): void;
  /** The store as it is: at rest, or with the key of an attempt that has not been answered; `undefined` where it is not so. */
  copy(when: "at rest" | "in mid-attempt"): StolenCopy | undefined;
}

export type Send = (path: string, headers: Readonly<Record<string, string>>, body: string) => Promise<HttpMessage>;

export function errorCodeOf(answer: HttpMessage): string {
  const body = JSON.parse(answer.body.toString()) as { readonly error?: string };
  return body.error ?? "";
}

/** The outcome of an answer that is no grant. */
export function refusal(answer: HttpMessage): Outcome {
  const status = statusOf(answer.head);
  if (status >= 500) return { kind: "no-answer" };
  const code = errorCodeOf(answer);
  if (code === "session_ended") return { kind: "ended" };
  if (code === "superseded") return { kind: "moved-on" };
  return { kind: "malformed", what: `${status} ${code}` };
}
