/** What is wrong with a stream, where something is. */
export type StreamFault = "too_long" | "not_utf8";

export interface EventStreamParser {
  /** The `data` of each event that this piece completes, in order. After a fault the stream is of no use. */
  read(chunk: Uint8Array): readonly string[] | StreamFault;
}

/**
 * Reads `text/event-stream` (WHATWG HTML §9.2.6), as far as the revocation feed uses it: `data` alone, since all that
 * matters is signed in there. Pieces may end anywhere, within a character too. What a line and an event may take is bounded,
 * so that a stream without an end of line fills no memory.
 */
export function createEventStreamParser(maxEventLength: number): EventStreamParser {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  /** The line that has not ended yet, in pieces. */
  let open: string[] = [];
  let openLength = 0;
  let endedInCarriageReturn = false;
  let data: string | undefined;

  function endLine(line: string, events: string[]): boolean {
    if (line === "") {
      if (data !== undefined) events.push(data);
      data = undefined;
      return true;
    }
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    if (field !== "data") return true;
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    data = data === undefined ? value : `${data}\n${value}`;
    return data.length <= maxEventLength;
  }

  return {
    read(chunk) {
      let text: string;
      try {
        text = decoder.decode(chunk, { stream: true });
      } catch {
        return "not_utf8";
      }
      if (text === "") return [];
      const events: string[] = [];
      let from = endedInCarriageReturn && text.startsWith("\n") ? 1 : 0;
      endedInCarriageReturn = text.endsWith("\r");
      const ends = /\r\n|\n|\r/g;
      ends.lastIndex = from;
      for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
        open.push(text.slice(from, end.index));
        const line = open.length === 1 ? (open[0] ?? "") : open.join("");
        open = [];
        openLength = 0;
        if (line.length > maxEventLength + "data: ".length || !endLine(line, events)) return "too_long";
        from = ends.lastIndex;
      }
      if (from < text.length) {
        open.push(text.slice(from));
        openLength += text.length - from;
        if (openLength > maxEventLength + "data: ".length) return "too_long";
      }
      return events;
    },
  };
}
