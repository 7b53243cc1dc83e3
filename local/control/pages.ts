/** Files of the pages that the control serves: a page is a folder with an `index.html`. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { LocalAnswer } from "../loopback-server.js";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".map": "application/json; charset=utf-8",
};

/** Nothing from elsewhere, no code in the page, and no frame around it; it may talk to the parts on their ports. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob: http://127.0.0.1:*",
  "media-src blob: http://127.0.0.1:*",
  "connect-src 'self' http://127.0.0.1:* ws://127.0.0.1:*",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/**
 * The answer for a path below one of the pages, undefined for every other.
 * @param pages first path segment → folder
 */
export async function readPage(
  pathname: string,
  pages: Readonly<Record<string, string>>,
): Promise<LocalAnswer | undefined> {
  const [, page = "", slash, file = ""] = /^\/([\w-]+)(?:(\/)([\w.-]*))?$/.exec(pathname) ?? [];
  const folder = Object.hasOwn(pages, page) ? pages[page] : undefined;
  if (folder === undefined) return undefined;
  // Without the slash, what the page names would be looked for beside it.
  if (slash === undefined) return { status: 308, content: Buffer.alloc(0), headers: { location: `/${page}/` } };
  const name = file === "" ? "index.html" : file;
  const type = TYPES[path.extname(name)];
  const content = await readFile(path.join(folder, name)).catch(() => undefined);
  if (content === undefined || type === undefined) return undefined;
  const headers = {
    "content-type": type,
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  };
  return { status: 200, content, headers };
}
