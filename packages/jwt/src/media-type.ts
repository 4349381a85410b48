/** A `typ` as a media type: lower case, and `application/` in front where there is no slash (RFC 7515 §4.1.9). */
export function normalizeMediaType(typ: string): string {
  const lower = typ.toLowerCase();
  return lower.includes("/") ? lower : `application/${lower}`;
}
