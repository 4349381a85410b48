import type { AuditRow } from "../ports/audit-store.ts";
import type { DeliveryFailure, PostedMessage } from "./post.ts";

/** Who is sent entries of the audit log, as requests over HTTP. */
export interface Receiver {
  /** Names it for as long as it exists: how far it has got is kept under this name. */
  readonly name: string;
  /** May hold a secret of the receiver's: never logged. */
  readonly url: string;
  readonly timeoutMs: number;
  /** What it is sent, and who it is, for the log: `a webhook`, `{ webhook: "crm" }`. */
  readonly logged: { readonly what: string; readonly who: Readonly<Record<string, string>> };
  /**
   * What it is to be sent of an entry: nothing, where the entry is not for it. Each message is made anew for each attempt, since
   * it says when that was.
   */
  messagesOf(entry: AuditRow, logId: string): Promise<readonly (() => Promise<PostedMessage>)[]>;
  /** Whether this status says that a message was taken. */
  readonly isTaken: (status: number) => boolean;
  /** How often an entry is tried that fails like this, at most. */
  readonly maxAttempts: (failure: DeliveryFailure) => number;
}
