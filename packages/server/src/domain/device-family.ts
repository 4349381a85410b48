import Bowser from "bowser";

/** Which browser on which system, without versions; null for what is not recognised. Names come from a closed list. */
export interface DeviceFamily {
  readonly browser: string | null;
  readonly system: string | null;
}

const BROWSERS: ReadonlySet<string> = new Set(Object.values(Bowser.BROWSER_MAP));
const SYSTEMS: ReadonlySet<string> = new Set(Object.values(Bowser.OS_MAP));

/** Parsing takes longer than all else of a request that shows a session, and the same few browsers ask again and again. */
const parsed = new Map<string, DeviceFamily>();
const MAX_PARSED = 500;

/** @param userAgent of bounded length */
export function deviceFamilyOf(userAgent: string | null): DeviceFamily {
  if (userAgent === null || userAgent.trim() === "") return { browser: null, system: null };
  const known = parsed.get(userAgent);
  if (known !== undefined) return known;
  const { browser, os } = Bowser.parse(userAgent);
  // What is in no list is the caller's own words, and goes into no mail.
  const family = { browser: listed(browser.name, BROWSERS), system: listed(os.name, SYSTEMS) };
  if (parsed.size >= MAX_PARSED) parsed.clear();
  parsed.set(userAgent, family);
  return family;
}

/** For people: `Firefox on Linux`; null for what is not recognised at all. */
export function describeDevice(userAgent: string | null): string | null {
  const { browser, system } = deviceFamilyOf(userAgent);
  if (browser === null || system === null) return browser ?? system;
  return `${browser} on ${system}`;
}

function listed(name: string | undefined, names: ReadonlySet<string>): string | null {
  return name !== undefined && names.has(name) ? name : null;
}
