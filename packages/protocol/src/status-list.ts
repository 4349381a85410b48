/** The media type of a status list token (draft-ietf-oauth-status-list §5.1), in the JWS header `typ`. */
export const STATUS_LIST_TYPE = "statuslist+jwt";

/** Where a status list is published, which is also its name. */
export function statusListUrl(issuer: string, number: number): string {
  return `${issuer}/status-lists/${number}`;
}
