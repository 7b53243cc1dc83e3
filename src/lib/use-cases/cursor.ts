/** Opaque cursors. They hold a place, never a right: every page checks anew what the caller may read. */
import { DayflyError } from "../errors.js";

export const cursorOf = (place: unknown): string => Buffer.from(JSON.stringify([1, place])).toString("base64url");

/** The place in a cursor that this list has given out. @throws cursor-invalid */
export function placeIn<Place>(cursor: string, isPlace: (value: unknown) => value is Place): Place {
  try {
    const [version, place, ...rest] = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")) as unknown[];
    if (version === 1 && isPlace(place) && rest.length === 0) return place;
  } catch {
    // Not one of ours.
  }
  throw new DayflyError("cursor-invalid", {
    errors: [{ pointer: "/cursor", detail: "is not one that this list gave out" }],
  });
}

export const isSeq = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
export const isId = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f-]{36}$/.test(value);
