import { expect, test } from "@jest/globals";
import { choosePorts, variable } from "../../../local/supervisor/ports.js";

const usual = { functions: 7071, serviceBus: 5672, issuer: 7072 } as const;
const allFreeBut =
  (...taken: number[]) =>
  (port: number): Promise<boolean> =>
    Promise.resolve(!taken.includes(port));

test("each part gets its usual port while that is free", async () => {
  expect(await choosePorts(usual, {}, allFreeBut())).toEqual({
    functions: { port: 7071 },
    serviceBus: { port: 5672 },
    issuer: { port: 7072 },
  });
});

test("a taken port gives way to the next free one that is nobody's usual port, and that is told", async () => {
  const { functions, issuer } = await choosePorts(usual, {}, allFreeBut(7071, 7073));
  expect(functions).toEqual({ port: 7074, insteadOf: 7071 });
  expect(issuer).toEqual({ port: 7072 });
});

test("a port that was set is taken as it is, or the start is refused with the variable to change", async () => {
  const environment = { DAYFLY_PORT_SERVICE_BUS: "6000" };
  expect((await choosePorts(usual, environment, allFreeBut())).serviceBus).toEqual({ port: 6000 });
  await expect(choosePorts(usual, environment, allFreeBut(6000))).rejects.toThrow(
    "port 6000 (DAYFLY_PORT_SERVICE_BUS) is taken. Stop what listens there, or set DAYFLY_PORT_SERVICE_BUS to another port.",
  );
});

test("two parts cannot be set to one port", async () => {
  const environment = { DAYFLY_PORT_FUNCTIONS: "6000", DAYFLY_PORT_ISSUER: "6000" };
  await expect(choosePorts(usual, environment, allFreeBut())).rejects.toThrow(
    "port 6000 (DAYFLY_PORT_ISSUER) is taken",
  );
});

test.each(["http", "-1", "65536", "80.5", "0x50"])("%j is no port", async (text) => {
  await expect(choosePorts(usual, { DAYFLY_PORT_ISSUER: text }, allFreeBut())).rejects.toThrow("which is no port");
});

test("DAYFLY_PORTS=0 gives every part another port, and a port that was set still counts", async () => {
  const { functions, serviceBus, issuer } = await choosePorts(
    usual,
    { DAYFLY_PORTS: "0", DAYFLY_PORT_ISSUER: "7072" },
    allFreeBut(),
  );
  expect(issuer).toEqual({ port: 7072 });
  expect(new Set([functions.port, serviceBus.port, issuer.port]).size).toBe(3);
  // Below the range that systems use for outgoing connections: see RANDOM_PORTS.
  for (const { port } of [functions, serviceBus]) expect(port).toBeLessThan(32_768);
});

test("without any free port the start is refused", async () => {
  await expect(choosePorts(usual, {}, () => Promise.resolve(false))).rejects.toThrow("found no free port");
});

test("a part's variable is its name in capitals", () => {
  expect(["functions", "serviceBusManagement", "web-pubsub"].map(variable)).toEqual([
    "DAYFLY_PORT_FUNCTIONS",
    "DAYFLY_PORT_SERVICE_BUS_MANAGEMENT",
    "DAYFLY_PORT_WEB_PUBSUB",
  ]);
});
