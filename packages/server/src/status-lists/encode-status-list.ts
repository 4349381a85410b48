import { promisify } from "node:util";
import { constants, deflate } from "node:zlib";

import { STATUS_LIST_SIZE } from "../domain/status-place.ts";

const compress = promisify(deflate);

/**
 * Single bits among zeros have no more in common than that: to look for runs alone gives about the same size, 7 % more with
 * 10,000 revoked and less with few, in a two-hundredth of the time.
 */
const COMPRESSION = { level: constants.Z_BEST_COMPRESSION, strategy: constants.Z_RLE };

/** The member `status_list` of a status list token: a bit for each index, 1 for those that are revoked. */
export async function encodeStatusList(revoked: Iterable<number>): Promise<{ readonly bits: 1; readonly lst: string }> {
  const bytes = new Uint8Array(STATUS_LIST_SIZE / 8);
  // The lowest bit of a byte comes first.
  for (const index of revoked) bytes[index >>> 3] = (bytes[index >>> 3] ?? 0) | (1 << (index & 7));
  const compressed = await compress(bytes, COMPRESSION);
  return { bits: 1, lst: compressed.toString("base64url") };
}
