import { expect, test } from "@jest/globals";
import { checkContent } from "../../../src/lib/check-content.js";
import { DEFAULT_FILE_TYPES, dispositionOf, isOfType } from "../../../src/lib/domain/file-types.js";

test.each([
  ["image/png", "image/png", false],
  ["image/jpg", "image/jpeg", false],
  ["IMAGE/PNG; a=b", "image/apng", false],
  ["audio/mp4", "audio/x-m4a", false],
  ["audio/wav", "audio/vnd.wave", false],
  ["audio/webm", "video/webm", false],
  ["video/quicktime", "video/mp4", false],
  ["application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/zip", false],
  ["text/plain", undefined, true],
  ["application/json", undefined, true],
])("%s may be what its first bytes say is %s", (declared, recognised, looksLikeText) => {
  expect(isOfType(declared, recognised, looksLikeText)).toBe(true);
});

test.each([
  ["image/png", "image/jpeg", false],
  ["image/png", undefined, true],
  ["text/plain", undefined, false],
  ["text/plain", "application/pdf", true],
  ["application/pdf", "application/zip", false],
  ["image/png", "application/x-msdownload", false],
  ["text/plain", "application/xml", true],
  ["application/zip", undefined, false],
])("%s must not be what its first bytes say is %s", (declared, recognised, looksLikeText) => {
  expect(isOfType(declared, recognised, looksLikeText)).toBe(false);
});

test("nothing that could run is served inline, whatever its name", () => {
  for (const type of [...DEFAULT_FILE_TYPES, "image/svg+xml", "text/html", "application/xhtml+xml"]) {
    const inline = /^(image|audio|video)\//.test(type) && !type.includes("xml");
    expect(dispositionOf(type, "a").split(";")[0]).toBe(inline ? "inline" : "attachment");
  }
  expect(dispositionOf("image/png", `it's "Zoë" (1)*;\r\n.png`)).toBe(
    "inline; filename*=UTF-8''it%27s%20%22Zo%C3%AB%22%20%281%29%2A%3B%0D%0A.png",
  );
});

test("content is read in chunks, wherever they are cut", async () => {
  const bytes = Buffer.concat([Buffer.from("Zoë ".repeat(40_000)), Buffer.from("end")]);
  const chunks = async function* (size: number): AsyncIterable<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
  };
  const whole = await checkContent(chunks(bytes.length));
  expect(whole).toMatchObject({ size: bytes.length, type: undefined, looksLikeText: true });
  for (const size of [1_000, 4_097, 65_535, 65_537]) expect(await checkContent(chunks(size))).toEqual(whole);
});
