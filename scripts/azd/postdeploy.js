// azd runs this after `azd deploy`: with EVENT_HANDLER=true it tells Web PubSub where to send its events, once the functions answer.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { hub, hubAddress } from "./hub.js";

const ANSWERS_WITHIN_MS = 5 * 60_000;
const { EVENT_HANDLER, FUNCTIONS_URL, WEB_PUBSUB_ID, AUTH_AUDIENCE } = process.env;

if (EVENT_HANDLER?.toLowerCase() !== "true") {
  console.log("EVENT_HANDLER is not set: Web PubSub tells nobody of its sockets, which is fine.");
} else {
  await untilLive(`${FUNCTIONS_URL}/api/health/live`);
  const topology = JSON.parse(readFileSync(new URL("../../config/topology.json", import.meta.url), "utf8"));
  const response = await fetch(hubAddress(WEB_PUBSUB_ID, topology.hub), {
    method: "PUT",
    headers: { authorization: `Bearer ${managementToken()}`, "content-type": "application/json" },
    body: JSON.stringify(hub(FUNCTIONS_URL, AUTH_AUDIENCE)),
  });
  if (!response.ok) throw new Error(`The hub was not set: ${response.status} ${await response.text()}`);
  console.log(`Web PubSub sends the events of the hub '${topology.hub}' to ${FUNCTIONS_URL}.`);
}

/** A new app takes a while: its package is unpacked, its roles spread. */
async function untilLive(url) {
  const until = Date.now() + ANSWERS_WITHIN_MS;
  for (;;) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
    if (Date.now() > until) throw new Error(`${url} does not answer: run \`azd hooks run postdeploy\` when it does.`);
    await wait(5_000);
  }
}

function managementToken() {
  const scope = "https://management.azure.com/.default";
  return JSON.parse(execFileSync("azd", ["auth", "token", "--scope", scope, "--output", "json"], { encoding: "utf8" }))
    .token;
}
