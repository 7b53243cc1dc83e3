import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { readConfig, SETTING_NAMES } from "../../src/lib/config.js";

const example = JSON.parse(readFileSync(new URL("../../local.settings.example.json", import.meta.url), "utf8")) as {
  Values: Record<string, string>;
};
const complete = {
  SERVICE_BUS: "Endpoint=sb://127.0.0.1",
  STORAGE: "UseDevelopmentStorage=true",
  WEB_PUBSUB: "Endpoint=http://127.0.0.1",
  AUTH_ISSUER: "https://issuer.example",
  AUTH_AUDIENCE: "dayfly",
};

test("local.settings.example.json has every setting, and no other but the host's own", () => {
  const own = Object.keys(example.Values).filter((name) => !/^(AzureWebJobs|FUNCTIONS_)/.test(name));
  expect(own.sort()).toEqual([...SETTING_NAMES].sort());
});

test("a dependency is named by a connection string or by its address", () => {
  expect(readConfig(complete)).toMatchObject({ ...complete, WEB_PUBSUB_HUB: "chat", AUTH_USER_CLAIM: "sub" });
  const byAddress = {
    ...complete,
    SERVICE_BUS: "",
    SERVICE_BUS__fullyQualifiedNamespace: "x.servicebus.windows.net",
  };
  expect(readConfig(byAddress).SERVICE_BUS__fullyQualifiedNamespace).toBe("x.servicebus.windows.net");
});

test("what is missing is told at once, and where to set it; an empty setting is a missing one", () => {
  expect(() => readConfig({ ...complete, AUTH_ISSUER: "", AUTH_AUDIENCE: "" })).toThrow(/AUTH_ISSUER[^]*AUTH_AUDIENCE/);
  expect(() => readConfig({ ...complete, STORAGE: "" })).toThrow(
    /STORAGE: missing: set it, or STORAGE__tableServiceUri/,
  );
  expect(() => readConfig({})).toThrow(/local\.settings\.json/);
});

test("a hook has an address that can be trusted, and a secret; neither comes alone", () => {
  const hook = { HOOK_URL: "https://push.example/", HOOK_SECRET: `whsec_${"A".repeat(32)}` };
  expect(readConfig({ ...complete, ...hook })).toMatchObject({ ...hook, HOOK_AFTER_SECONDS: 30 });
  expect(() => readConfig({ ...complete, ...hook, HOOK_SECRET: "" })).toThrow(/HOOK_URL and HOOK_SECRET go together/);
  expect(() => readConfig({ ...complete, ...hook, HOOK_URL: "http://push.example/" })).toThrow(
    /HOOK_URL: must be https/,
  );
  expect(() => readConfig({ ...complete, ...hook, HOOK_SECRET: "short" })).toThrow(/HOOK_SECRET/);
});
