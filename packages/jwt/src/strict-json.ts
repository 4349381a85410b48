export type JsonObject = Readonly<Record<string, unknown>>;

/** Deeper JSON than this is refused: no header or claim set needs it, and what reads it later may recurse. */
export const maxJsonDepth = 32;

/**
 * A JSON object as RFC 8259 and RFC 7493 want it, or undefined: no duplicate member names at any depth (two parsers would
 * disagree on which one counts), no lone surrogates, no number beyond a double (`1e999`), no byte order mark, at most
 * `maxJsonDepth` levels. Members become own properties, `__proto__` included: no prototype is touched.
 */
export function parseStrictJsonObject(text: string): JsonObject | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // The caller reports what kind of text this was; V8's message would quote it.
  }
  if (!isJsonObject(value)) return undefined;
  // Most tokens are compact JSON, and for these a sum over the parsed members proves that no member was dropped.
  if (compactLength(value, 1) === text.length) return value;
  return isStrictJson(text) && hasFiniteNumbers(value) ? value : undefined;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * How long the compact JSON text of `value` is if no string in it needs an escape, or NaN where this is not known cheaply.
 *
 * Why equality with the length of the real text proves that there are no duplicates: `JSON.parse` keeps one of several members
 * of a name, so every parsed member stands for one member of the text, and the text holds at least their lengths.
 * White space, escapes and dropped members only make the text longer, a dropped one by 5 characters or more (`"":0,`). The one thing
 * that makes it shorter is a number in exponent notation, and an integer gains from that only if it is a multiple
 * of 1000: those, and all numbers that are not integers, give NaN and the text is scanned instead.
 * The sum costs 30 ns for an access token, the scan 600.
 */
function compactLength(value: unknown, depth: number): number {
  if (typeof value === "string") return value.length + 2;
  if (typeof value === "number") return integerLength(value);
  if (typeof value === "boolean") return value ? 4 : 5;
  if (value === null) return 4;
  if (typeof value !== "object" || depth > maxJsonDepth) return Number.NaN;
  // Two brackets, and one comma fewer than there are elements.
  let length = 1;
  if (Array.isArray(value)) {
    for (const element of value) length += compactLength(element, depth + 1) + 1;
    return value.length === 0 ? 2 : length;
  }
  for (const name in value) {
    // An enumerable member of Object.prototype would spoil the sum. (In a `for in`, this very call costs nothing.)
    if (!Object.prototype.hasOwnProperty.call(value, name)) return Number.NaN;
    length += name.length + 4;
    const member = (value as JsonObject)[name];
    length += typeof member === "string" ? member.length + 2 : compactLength(member, depth + 1);
  }
  return length === 1 ? 2 : length;
}

function integerLength(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0 || (value >= 1000 && value % 1000 === 0)) return Number.NaN;
  if (value >= 1e9 && value < 1e10) return 10; // every date between 2001 and 2286
  let length = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) length++;
  return length;
}

/** Scans a text that `JSON.parse` has accepted for duplicate names, lone surrogates and depth. */
function isStrictJson(text: string): boolean {
  // One entry per open bracket: the names seen so far, or null in an array.
  const open: (Set<string> | null)[] = [];
  let nameComesNext = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
        open.push(new Set());
        nameComesNext = true;
        break;
      case 0x5b: // [
        open.push(null);
        nameComesNext = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        break;
      case 0x2c: // ,
        nameComesNext = open.at(-1) instanceof Set;
        break;
      case 0x22: {
        const end = closingQuote(text, at);
        const content = JSON.parse(text.slice(at, end + 1)) as string;
        if (!content.isWellFormed()) return false;
        if (nameComesNext) {
          const names = open.at(-1);
          if (names?.has(content) === true) return false;
          names?.add(content);
          nameComesNext = false;
        }
        at = end;
        break;
      }
      default:
    }
    if (open.length > maxJsonDepth) return false;
  }
  return true;
}

/** Asked last, of a value of bounded depth. */
function hasFiniteNumbers(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value !== "object" || value === null || Object.values(value).every(hasFiniteNumbers);
}

function closingQuote(text: string, openingQuote: number): number {
  let at = openingQuote + 1;
  while (text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1;
  return at;
}
