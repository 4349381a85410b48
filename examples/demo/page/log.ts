import { element } from "./elements.ts";

/** Tells what happened, newest first. */
export function log(text: string, kind?: "bad"): void {
  const entry = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString();
  const message = document.createElement("span");
  message.textContent = ` ${text}`;
  if (kind !== undefined) message.className = kind;
  entry.append(time, message);
  element("log").prepend(entry);
}
