import { isInsecureLoopback } from "./issuer-rules.ts";

export function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

export function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

export function isMasterSecret(value: unknown): boolean {
  if (typeof value === "string" || value instanceof Uint8Array) return true;
  return typeof value === "object" && value !== null && ("read" in value || ("wrap" in value && "unwrap" in value));
}

export function isOwnUsers(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return "authenticate" in value && isFunction(value.authenticate) && "findUser" in value && isFunction(value.findUser);
}

export function isPageUrl(text: string): boolean {
  return URL.canParse(text) && !text.includes("#") && (text.startsWith("https:") || isInsecureLoopback(text));
}

export function isEndpointUrl(text: string): boolean {
  if (!URL.canParse(text) || text.includes("#")) return false;
  const { protocol, username, password } = new URL(text);
  return username === "" && password === "" && (protocol === "https:" || isInsecureLoopback(text));
}

export function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}
