import type { Parameters } from "../../domain/authorization-request.ts";
import { readForm } from "../form-body.ts";

/** The parameters of an authorization request: of the query, or of a form. */
export async function readParameters(request: Request): Promise<Parameters> {
  const sent = request.method === "GET" ? new URL(request.url).searchParams : await readForm(request);
  const grouped = Map.groupBy(sent, ([name]) => name);
  return new Map([...grouped].map(([name, pairs]) => [name, pairs.map(([, value]) => value)]));
}

/** A parameter that came exactly once, and not empty. */
export function onlyValue(parameters: Parameters, name: string): string | undefined {
  const [value, ...others] = parameters.get(name) ?? [];
  return value === undefined || value === "" || others.length > 0 ? undefined : value;
}
