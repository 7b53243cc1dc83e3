/** Which types of files are taken, what their content must look like, and how they are served. Media types as in RFC 6838. */

export const DEFAULT_FILE_TYPES: readonly string[] = [
  ...["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/heic"],
  ...["audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav", "audio/webm", "audio/flac"],
  ...["video/mp4", "video/webm", "video/quicktime"],
  ...["application/pdf", "application/zip", "application/json", "text/plain", "text/csv", "text/markdown"],
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation",
];

/** Without parameters, in lower case. */
export const essenceOf = (contentType: string): string => (contentType.split(";")[0] ?? "").trim().toLowerCase();

/** Other names of the same: what recognisers of content call it, and what browsers do. */
const ALIASES: Readonly<Record<string, string>> = {
  "image/jpg": "image/jpeg",
  "image/apng": "image/png",
  "audio/mp3": "audio/mpeg",
  "audio/x-m4a": "audio/mp4",
  "audio/m4a": "audio/mp4",
  "audio/vnd.wave": "audio/wav",
  "audio/wave": "audio/wav",
  "audio/x-wav": "audio/wav",
  "audio/x-flac": "audio/flac",
  "video/x-m4v": "video/mp4",
  "video/matroska": "video/webm",
  "video/x-matroska": "video/webm",
  "application/x-zip-compressed": "application/zip",
};

/** Containers that hold one of several types: the first bytes alone do not tell which. */
const CONTAINERS: Readonly<Record<string, RegExp>> = {
  "application/zip": /^application\/(vnd\.openxmlformats-officedocument\.|vnd\.oasis\.opendocument\.|epub\+zip$)/,
  "video/mp4": /^(audio\/mp4|video\/quicktime)$/,
  "audio/mp4": /^video\/mp4$/,
  "video/quicktime": /^video\/mp4$/,
  "video/webm": /^audio\/webm$/,
  "video/ogg": /^audio\/ogg$/,
  "image/heif": /^image\/heic$/,
  "application/xml": /(\/|\+)xml$/,
};

/** Types of text have no magic number. */
const isTextual = (type: string): boolean => type.startsWith("text/") || /^application\/(.+\+)?(json|xml)$/.test(type);

export const canonicalType = (contentType: string): string => {
  const essence = essenceOf(contentType);
  return ALIASES[essence] ?? essence;
};

/**
 * Whether content is what it was declared to be.
 * @param recognised what its first bytes say it is; undefined when they say nothing
 */
export function isOfType(declared: string, recognised: string | undefined, looksLikeText: boolean): boolean {
  const type = canonicalType(declared);
  if (recognised === undefined) return isTextual(type) && looksLikeText;
  const actual = canonicalType(recognised);
  return actual === type || CONTAINERS[actual]?.test(type) === true;
}

/** Whether a browser may show it. Whatever could run something, or be taken for it, is only ever downloaded. */
const isPassive = (type: string): boolean => /^(image|audio|video)\//.test(type) && !type.endsWith("+xml");

/** `Content-Disposition` (RFC 6266) with the file's name (RFC 8187). */
export function dispositionOf(contentType: string, name: string): string {
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return `${isPassive(canonicalType(contentType)) ? "inline" : "attachment"}; filename*=UTF-8''${encoded}`;
}
