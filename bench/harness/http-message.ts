/** One HTTP/1.1 message, cut out of a byte stream: as much HTTP as a proxy and a load generator on loopback need. */
export interface HttpMessage {
  /** Start line and headers, without the blank line. */
  readonly head: string;
  readonly body: Buffer;
}

/** Cuts a byte stream into messages: by `Content-Length`, or by chunks. */
export interface MessageReader {
  /** Takes what has arrived; answers the messages that are now complete. */
  feed(bytes: Buffer): readonly HttpMessage[];
}

const BLANK_LINE = Buffer.from("\r\n\r\n");

export function createMessageReader(): MessageReader {
  let pending: Buffer = Buffer.alloc(0);
  return {
    feed(bytes) {
      pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
      const messages: HttpMessage[] = [];
      for (let cut = cutMessage(pending); cut !== undefined; cut = cutMessage(pending)) {
        messages.push(cut.message);
        pending = pending.subarray(cut.length);
      }
      return messages;
    },
  };
}

function cutMessage(bytes: Buffer): { readonly message: HttpMessage; readonly length: number } | undefined {
  const headEnd = bytes.indexOf(BLANK_LINE);
  if (headEnd === -1) return undefined;
  const head = bytes.toString("latin1", 0, headEnd);
  const bodyStart = headEnd + BLANK_LINE.length;
  if (/^transfer-encoding:\s*chunked/im.test(head)) return cutChunks(bytes, bodyStart, head);
  const bodyEnd = bodyStart + Number(headerOf(head, "content-length") ?? 0);
  if (bytes.length < bodyEnd) return undefined;
  return { message: { head, body: bytes.subarray(bodyStart, bodyEnd) }, length: bodyEnd };
}

function cutChunks(bytes: Buffer, start: number, head: string) {
  const parts: Buffer[] = [];
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const end = lineEnd + 2 + size;
    if (bytes.length < end + 2) return undefined;
    parts.push(bytes.subarray(lineEnd + 2, end));
    at = end + 2;
    if (size === 0) return { message: { head, body: Buffer.concat(parts) }, length: at };
  }
}

/** The value of a header, by its lower-case name; `undefined` where there is none. */
export function headerOf(head: string, name: string): string | undefined {
  return headersOf(head, name)[0];
}

export function headersOf(head: string, name: string): readonly string[] {
  return head
    .split("\r\n")
    .slice(1)
    .filter((line) => line.slice(0, name.length + 1).toLowerCase() === `${name}:`)
    .map((line) => line.slice(name.length + 1).trim());
}

export function statusOf(head: string): number {
  return Number(head.slice(9, 12));
}
