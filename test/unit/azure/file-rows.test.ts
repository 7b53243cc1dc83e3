import { expect, test } from "@jest/globals";
import { fileFromRow, fileToRow } from "../../../src/lib/azure/file-rows.js";
import { MAX_MEMBERS } from "../../../src/lib/domain/conversation.js";
import type { StoredFile, View } from "../../../src/lib/domain/file.js";

const at = new Date("2026-11-23T12:00:00.000Z");
const FILE: Omit<StoredFile, "views"> = {
  ...{ conversationId: "019a0000-0000-7000-8000-000000000001", fileId: "019a0000-0000-7000-8000-000000000002" },
  ...{ author: "ana", name: "a.png", size: 1, contentType: "image/png", deleteWhen: "all-recipients-closed" },
  ...{ state: "ready", createdAt: at, uploadUntil: at, isStaged: false, blob: "b", acceptedAt: at, expiresAt: at },
  ...{ isHeld: false, seq: 1 },
};

/** As long as the API lets it be; quotes and backslashes take two characters in JSON. */
const longest = (n: number): View => ({
  id: "019a0000-0000-7000-8000-000000000003",
  user: String(n).padEnd(128, '"'),
  isPreview: false,
  openedAt: at.getTime(),
  leaseEndsAt: at.getTime(),
  closeToken: "x".repeat(22),
  key: "\\".repeat(64),
  socketId: "s".repeat(64),
  closed: { at: at.getTime(), reason: "lease-expired" },
  isLogged: true,
});

test.each([0, 1, 40, MAX_MEMBERS])("%i views with the longest ids there may be fit into a row", (count) => {
  const file: StoredFile = { ...FILE, views: Array.from({ length: count }, (_, n) => longest(n)) };
  const row = fileToRow(file);
  for (const value of Object.values(row)) expect(String(value).length).toBeLessThanOrEqual(32 * 1024);
  expect(fileFromRow(row)).toEqual(file);
});
