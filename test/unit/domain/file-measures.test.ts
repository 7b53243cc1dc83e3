/** What is measured of files: since when one was to be deleted, and each view's end once. */
import { expect, test } from "@jest/globals";
import {
  closeView,
  dueForDeletionAt,
  endsBetween,
  openView,
  startDeleting,
  withAllLogged,
  type StoredFile,
} from "../../../src/lib/domain/file.js";

const START = Date.parse("2026-01-01T00:00:00Z");
const END = START + 86_400_000;

const ready: StoredFile = {
  ...{ conversationId: "c", fileId: "f", author: "ana", state: "ready", seq: 1, isStaged: false, isHeld: false },
  ...{ name: "n", size: 1, contentType: "image/png", deleteWhen: "all-recipients-closed", views: [] },
  ...{ createdAt: new Date(START), uploadUntil: new Date(START), expiresAt: new Date(END) },
};

function opened(file: StoredFile, user: string, at: number): StoredFile {
  const opening = openView(file, { user, isRecipient: true, viewId: `view of ${user}`, closeToken: "t" }, START + at);
  if (opening.kind !== "opened") throw new Error(opening.kind);
  return opening.file;
}
const closed = (file: StoredFile, user: string, at: number): StoredFile =>
  closeView(file, `view of ${user}`, "closed", START + at) ?? file;

const read = closed(closed(opened(opened(ready, "bo", 1), "cy", 2), "bo", 10), "cy", 20);

test.each([
  ["its last reader has closed it", startDeleting(read, "closed", START + 500), false, START + 20],
  [
    "its first reader has, where that is enough",
    startDeleting({ ...read, deleteWhen: "first-close" }, "closed", START + 500),
    false,
    START + 10,
  ],
  ["what had held it was over", startDeleting(read, "closed", START + 500), true, START + 500],
  ["its time was over", startDeleting(read, "expired", END + 500), false, END],
  ["its time was over without a reader", startDeleting(ready, "never-opened", END + 500), false, END],
  ["it was taken back", startDeleting(read, "unsent", START + 500), false, START + 500],
] as const)("it was to be deleted since %s", (_, file, wasHeld, since) => {
  expect(dueForDeletionAt(file, wasHeld)).toBe(since);
});

test("an end is told once, and that of a preview not at all", () => {
  expect(endsBetween(opened(ready, "bo", 1), read)).toEqual([]);
  expect(endsBetween(read, withAllLogged(read))).toEqual(["closed", "closed"]);
  expect(endsBetween(withAllLogged(read), startDeleting(withAllLogged(read), "closed", START))).toEqual([]);
  const open = opened(withAllLogged(closed(opened(ready, "bo", 1), "bo", 2)), "cy", 3);
  expect(endsBetween(open, startDeleting(open, "unsent", START + 5))).toEqual(["revoked"]);
  const looking = opened(ready, "ana", 1);
  expect(endsBetween(looking, startDeleting(looking, "unsent", START + 5))).toEqual([]);
});
