import type { z } from "zod";

/** What the library says of a value, in the words of the messages that are written beside the rules. */
export function describeFault(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== "unrecognized_keys" && issue.input === undefined) return "is missing";
  switch (issue.code) {
    case "invalid_type":
      return `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case "too_small":
      return `must ${measureOf(issue.origin, "at least", Number(issue.minimum))}`;
    case "too_big":
      return `must ${measureOf(issue.origin, "at most", Number(issue.maximum))}`;
    case "invalid_value":
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}`;
    case "unrecognized_keys":
      return `there is no option ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}`;
    case "invalid_union":
      return describeUnion(issue.errors);
    case "custom":
      return "is not of the type that belongs here";
    case "invalid_element":
    case "invalid_format":
    case "invalid_key":
    case "not_multiple_of":
      return undefined;
  }
}

const KINDS: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  object: "an object",
  record: "an object",
  string: "text",
};

function measureOf(origin: string, bound: string, limit: number): string {
  if (origin === "string") return `have ${bound} ${limit} ${limit === 1 ? "character" : "characters"}`;
  if (origin === "array") return `hold ${bound} ${limit}`;
  return `be ${bound} ${limit}`;
}

/** Of the forms that a value may have, the one that it comes nearest to: where a fault lies deepest. */
function describeUnion(forms: readonly (readonly z.core.$ZodIssue[])[]): string | undefined {
  const faults = forms.flatMap(([fault]) => (fault === undefined ? [] : [fault]));
  const nearest = faults.find(({ path }) => path.length > 0);
  if (nearest !== undefined) return `${nearest.path.join(".")} ${nearest.message}`;
  return [...new Set(faults.map(({ message }) => message))].join(", or ") || undefined;
}
