/** The authority's host; the page is on it. */
export const OWN_HOST = "app.latchkey.test";
/** Of the same site, so that browsers send it cookies that are `SameSite=Strict`. */
export const SIBLING_HOST = "evil.latchkey.test";
export const FOREIGN_HOST = "attacker.test";

/** Every name of the trial is this machine, in this browser alone. */
export const RESOLVER_RULES = "MAP *.latchkey.test 127.0.0.1, MAP attacker.test 127.0.0.1";
