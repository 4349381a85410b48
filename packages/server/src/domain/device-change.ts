import type { Circle } from "./country-circles.ts";
import { findCountryCircle } from "./country-circles.ts";
import type { DeviceFamily } from "./device-family.ts";
import { deviceFamilyOf } from "./device-family.ts";
import { countryOf } from "./place.ts";

/** Where a session is used from, as far as a request shows. */
export interface DeviceSigns {
  /** The `User-Agent`. */
  readonly device: string | null;
  /** An ISO 3166 code; null where it is not known. */
  readonly place: string | null;
}

export type ImplausibleChange = "other_device" | "too_far";

const EARTH_RADIUS_KM = 6_371;
/** Faster than airliners go. */
const TOP_SPEED_KM_PER_HOUR = 1_000;
/** Addresses are located badly near borders, and networks lead out of the country next to theirs. */
const SLACK_KM = 500;

/**
 * Systems of which one and the same browser names one or the other: phones and tablets asked for the desktop's page say
 * they are a desktop.
 */
const ALIKE: readonly ReadonlySet<string>[] = [new Set(["Android", "Linux", "HarmonyOS"]), new Set(["iOS", "macOS"])];

/**
 * Whether one device can have been used as it was before and is now. Pure, and slow to judge: what cannot be told is
 * plausible. Versions, addresses and networks are no signs; of two countries it counts what lies between their borders at least.
 *
 * @param change.elapsedSeconds between the two
 */
export function judgeDeviceChange(change: {
  readonly before: DeviceSigns;
  readonly now: DeviceSigns;
  readonly elapsedSeconds: number;
}): ImplausibleChange | undefined {
  const { before, now, elapsedSeconds } = change;
  if (before.device !== now.device && isAnotherDevice(deviceFamilyOf(before.device), deviceFamilyOf(now.device))) {
    return "other_device";
  }
  const reachableKm = SLACK_KM + (Math.max(0, elapsedSeconds) / 3_600) * TOP_SPEED_KM_PER_HOUR;
  return distanceKm(before.place, now.place) > reachableKm ? "too_far" : undefined;
}

/** A browser stays the browser it is. What was none before (an app, a program) has no family to leave. */
function isAnotherDevice(before: DeviceFamily, now: DeviceFamily): boolean {
  if (before.browser === null || before.system === null) return false;
  if (before.browser !== now.browser) return true;
  return before.system !== now.system && !areAlike(before.system, now.system);
}

function areAlike(one: string, other: string | null): boolean {
  return other !== null && ALIKE.some((systems) => systems.has(one) && systems.has(other));
}

/** Between the borders of two countries, at least; 0 where that is not known. */
function distanceKm(one: string | null, other: string | null): number {
  if (one === null || other === null) return 0;
  const [from, to] = [findCountryCircle(countryOf(one)), findCountryCircle(countryOf(other))];
  if (from === undefined || to === undefined || from === to) return 0;
  return Math.max(0, betweenCentresKm(from, to) - from.radiusKm - to.radiusKm);
}

/** On the great circle (haversine formula). */
function betweenCentresKm(from: Circle, to: Circle): number {
  const [latitude, otherLatitude] = [radians(from.latitude), radians(to.latitude)];
  const half =
    Math.sin((otherLatitude - latitude) / 2) ** 2 +
    Math.cos(latitude) * Math.cos(otherLatitude) * Math.sin(radians(to.longitude - from.longitude) / 2) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(half)));
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
