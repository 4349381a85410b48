/**
 * Id and secret of HTTP Basic, form-urlencoded within (RFC 6749 §2.3.1). What cannot be read is judged like wrong credentials: as
 * an id that nobody has.
 */
export function readBasicCredentials(header: string | null): readonly [id: string, secret: string] {
  const encoded = /^basic +([A-Za-z0-9+/]{2,2048}={0,2})$/i.exec(header ?? "")?.[1] ?? "";
  const pair = Buffer.from(encoded, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  if (colon < 1) return ["", ""];
  try {
    return [formDecode(pair.slice(0, colon)), formDecode(pair.slice(colon + 1))];
  } catch {
    return ["", ""];
  }
}

function formDecode(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
