/**
 * Names as the service has them. A Socket.IO namespace and a room are Web PubSub groups with a derived name:
 * `0~{base64url(namespace)}~{base64url(room)}` (learn.microsoft.com, socket-io-serverless-protocol).
 */

/** Hub names of the data plane's API definition: a letter first, no hyphen. */
const HUB_NAME = /^[A-Za-z][A-Za-z0-9_`,.[\]]{0,127}$/;

const LONGEST_GROUP_NAME = 1024;

/** The hub's name as it is looked up (the service ignores its case), or undefined when it is not a hub's name. */
export function hubNameOf(text: string): string | undefined {
  return HUB_NAME.test(text) ? text.toLowerCase() : undefined;
}

export function isGroupName(text: unknown): text is string {
  return typeof text === "string" && text.trim() !== "" && text.length <= LONGEST_GROUP_NAME;
}

const base64url = (text: string): string => Buffer.from(text, "utf8").toString("base64url");

/** The group of everybody in a namespace; also what the names of the groups of its rooms start with. */
export function namespaceGroup(namespace: string): string {
  return `0~${base64url(namespace)}~`;
}

/** The group of a room. Every socket is alone in the room that is named by its id. */
export function roomGroup(namespace: string, room: string): string {
  return `${namespaceGroup(namespace)}${base64url(room)}`;
}
