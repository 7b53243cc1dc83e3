/**
 * The chat page and the dashboard as people see them, in a real Chromium. `npm run test:browser` fetches it from the npm registry;
 * CHROMIUM_PATH names another. SCREENSHOTS=folder keeps pictures of the main states.
 */
import path from "node:path";
import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import axe from "axe-core";
import { chromium, type Browser, type BrowserContext, type Locator, type Page } from "playwright-core";
import { person } from "../support/chat.js";
import { blobsIn, PNG } from "../support/files.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let dashboard: Page;
const troubles: string[] = [];

beforeAll(async () => {
  [stack, browser] = await Promise.all([startStack(), launch()]);
  // One for all pages: a context of its own would end with its page, and take the page's last request along.
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
  dashboard = await open("/dashboard/");
  page = await open("/chat/");
  for (const name of ["ana", "bo"]) await pane(name).getByText("Connected", { exact: true }).waitFor();
}, 60_000);
afterAll(async () => {
  await browser.close();
  await stack.stop();
}, 60_000);

async function launch(): Promise<Browser> {
  const given = process.env["CHROMIUM_PATH"];
  if (given !== undefined) return chromium.launch({ executablePath: given });
  // Not among the project's dependencies: a name that the compiler does not look up.
  const name = "@sparticuz/chromium";
  const { default: packed } = (await import(name)) as {
    default: { readonly args: string[]; executablePath(): Promise<string> };
  };
  return chromium.launch({ executablePath: await packed.executablePath(), args: packed.args });
}

async function open(address: string): Promise<Page> {
  const opened = await context.newPage();
  opened.setDefaultTimeout(20_000);
  opened.on("pageerror", (error) => troubles.push(String(error)));
  await opened.goto(stack.info.control + address);
  return opened;
}

const pane = (user: string): Locator => page.getByRole("region", { name: user, exact: true });
const box = (user: string): Locator => pane(user).getByRole("textbox", { name: "Message", exact: true });
const message = (user: string, text: string): Locator => pane(user).locator(".message", { hasText: text }).first();

async function say(user: string, text: string): Promise<void> {
  await box(user).fill(text);
  await box(user).press("Enter");
}

/** One of a message's own buttons, which show when they are reached by keyboard: a pointer may find that the list has moved on. */
const act = (user: string, text: string, name: string): Promise<void> =>
  message(user, text).getByRole("button", { name, exact: true }).press("Enter");

async function picture(of: Page, name: string): Promise<void> {
  const folder = process.env["SCREENSHOTS"];
  if (folder !== undefined) await of.screenshot({ path: path.join(folder, `${name}.jpg`), quality: 60 });
}

/** What axe calls serious or worse, by rule and place. */
async function seriousIn(of: Page): Promise<readonly string[]> {
  await of.evaluate(axe.source);
  const found = await of.evaluate(async () => {
    const { axe: run } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    return (await run.run()).violations;
  });
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
}

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly target: readonly string[] }[];
}

test("two people chat, quote, see who reads and who writes", async () => {
  await pane("ana").getByRole("button", { name: "Start" }).click();
  await box("ana").waitFor();
  await say("ana", "Lunch at one?");
  await message("bo", "Lunch at one?").waitFor();
  await act("bo", "Lunch at one?", "Reply");
  await say("bo", "Yes! The usual place?");
  await message("ana", "The usual place?").locator("blockquote", { hasText: "Lunch at one?" }).waitFor();
  await message("ana", "Lunch at one?").getByRole("img", { name: "Read by bo" }).waitFor();
  // As fast as a person: that somebody writes is told once in a while, and at most once a second to all.
  const told = pane("ana").getByText("bo is writing …").waitFor();
  await Promise.all([told, box("bo").pressSequentially("hm, let me think about that", { delay: 200 })]);
  await box("bo").fill("");
}, 60_000);

test("they keep a message together, and one of them takes another back", async () => {
  await act("ana", "Lunch at one?", "Keep");
  await pane("bo").getByText("ana would like to keep this.").waitFor();
  await pane("ana").getByText("Waiting for bo.").waitFor();
  await picture(page, "chat");
  await pane("bo").getByRole("button", { name: "Agree" }).click();
  for (const user of ["ana", "bo"]) await pane(user).getByText("Kept by everyone").waitFor();
  await say("bo", "Never mind");
  await message("ana", "Never mind").waitFor();
  await act("bo", "Never mind", "Unsend");
  await message("ana", "Never mind").waitFor({ state: "detached" });
}, 60_000);

test("an edit voids what all agreed to; cut off, it waits, and what was being written stays", async () => {
  await say("ana", "Shall we say at two?");
  await message("bo", "at two?").waitFor();
  await act("bo", "at two?", "Reply");
  await say("bo", "Suits me");
  await act("ana", "at two?", "Keep");
  await pane("bo").getByRole("button", { name: "Agree" }).click();
  await message("ana", "at two?").getByText("Kept by everyone").waitFor();

  await box("ana").fill("a thought of mine");
  await act("ana", "at two?", "Edit");
  await pane("ana").getByText("everyone must agree again").waitFor();
  expect(await box("ana").inputValue()).toBe("Shall we say at two?");
  await box("ana").fill("Shall we say at three?");
  await pane("ana").getByRole("button", { name: "Save" }).click();
  for (const user of ["ana", "bo"]) {
    await message(user, "at three?").getByText("edited", { exact: true }).waitFor();
    expect(await message(user, "at three?").getByText("Kept by everyone").count()).toBe(0);
    // The old words are nowhere, not in what quotes them either.
    await message(user, "Suits me").locator("blockquote", { hasText: "at three?" }).waitFor();
    expect(await pane(user).getByText("at two?").count()).toBe(0);
  }
  expect(await box("ana").inputValue()).toBe("a thought of mine");
  await act("bo", "at three?", "Keep");
  await pane("ana").getByText("bo would like to keep this.").waitFor();
  await pane("ana").getByRole("button", { name: "Not now" }).click();

  await pane("ana").getByRole("switch", { name: "Network" }).click();
  await pane("ana").getByText("Offline", { exact: true }).waitFor();
  await act("ana", "at three?", "Edit");
  await box("ana").fill("Shall we say at four?");
  await box("ana").press("Enter");
  await message("ana", "at four?").getByText("saving …").waitFor();
  await pane("ana").getByRole("switch", { name: "Network" }).click();
  await message("bo", "at four?").getByText("edited", { exact: true }).waitFor();
  await message("ana", "at four?").getByText("edited", { exact: true }).waitFor();
  await box("ana").fill("");
}, 60_000);

test("a text waits for its time, is cancelled, sent at once, or comes when its time has come", async () => {
  const later = async (text: string, when: string): Promise<void> => {
    await box("ana").fill(text);
    await pane("ana").getByRole("button", { name: "Later" }).click();
    await pane("ana").getByRole("button", { name: when }).click();
    await waiting(text).waitFor();
  };
  const waiting = (text: string): Locator => pane("ana").locator(".scheduled li", { hasText: text });
  await later("Forget it", "1 h");
  await waiting("Forget it").getByRole("button", { name: "Cancel" }).click();
  await waiting("Forget it").waitFor({ state: "detached" });
  await later("On my way", "1 h");
  await waiting("On my way").getByRole("button", { name: "Send now" }).click();
  await message("bo", "On my way").waitFor();
  await later("Here I am", "1 min");
  await stack.advance("PT61S");
  await message("bo", "Here I am").waitFor();
  await waiting("Here I am").waitFor({ state: "detached" });
  expect(await pane("bo").getByText("Forget it").count()).toBe(0);
}, 60_000);

/** Of a picture as it was read, in its own pixels. */
const widthOf = (image: Locator): Promise<number> =>
  image.evaluate(async (element) => {
    const shown = element as unknown as { decode(): Promise<void>; naturalWidth: number };
    await shown.decode();
    return shown.naturalWidth;
  });

const choose = (user: string, name: string, mimeType: string, buffer: Buffer): Promise<void> =>
  pane(user).locator("input[type=file]").setInputFiles({ name, mimeType, buffer });

test("a file is sent, opened and closed by its reader, and gone", async () => {
  await choose("ana", "menu.png", "image/png", Buffer.from(PNG));
  await message("bo", "menu.png").getByRole("button", { name: "Open menu.png" }).click();
  const image = message("bo", "menu.png").getByRole("img", { name: "menu.png" });
  await image.waitFor();
  expect(await widthOf(image)).toBe(1);
  await message("bo", "menu.png").getByText("Closes by itself in").waitFor();
  await picture(page, "file");
  await message("bo", "menu.png").getByRole("button", { name: "Close menu.png" }).click();
  for (const user of ["ana", "bo"]) await pane(user).getByText("“menu.png” is gone.").waitFor();
  expect(await blobsIn(stack, "files")).toEqual(new Map());
}, 60_000);

test("a file vanishes when its reader closes the tab: the beacon says so", async () => {
  const tab = await open("/chat/?user=bo");
  await choose("ana", "secret.png", "image/png", Buffer.from(PNG));
  const shown = tab.locator(".message", { hasText: "secret.png" });
  await shown.getByRole("button", { name: "Open secret.png" }).click();
  await shown.getByRole("img", { name: "secret.png" }).waitFor();
  expect((await blobsIn(stack, "files")).size).toBe(1);
  await tab.close();
  await pane("ana").getByText("“secret.png” is gone.").waitFor();
  expect(await blobsIn(stack, "files")).toEqual(new Map());
  const { api } = await person(stack, "ana");
  const [conversation] = (await api.conversations()).items;
  const { items } = await api.changes(conversation?.id ?? "", 1);
  expect(items.filter(({ type }) => type === "file.closed").map(({ reason }) => reason)).toEqual([
    "closed",
    "navigated",
  ]);
}, 60_000);

test("what is not taken is said in words", async () => {
  await choose("ana", "tool.exe", "application/x-msdownload", Buffer.from("MZ"));
  await pane("ana").getByText("Files of this kind are not taken.").waitFor();
  await message("ana", "tool.exe").getByRole("button", { name: "Discard" }).click();
  await message("ana", "tool.exe").waitFor({ state: "detached" });
}, 60_000);

test("what is written without network is sent when it is back, and what was missed is caught up", async () => {
  await pane("bo").getByRole("switch", { name: "Network" }).click();
  await pane("bo").getByText("Offline", { exact: true }).waitFor();
  await say("bo", "From the tunnel");
  await message("bo", "From the tunnel").getByText("Sending …").waitFor();
  await say("ana", "Are you there?");
  await message("ana", "Are you there?").getByRole("img", { name: "Sent" }).waitFor();
  await pane("bo").getByRole("switch", { name: "Network" }).click();
  await message("bo", "Are you there?").waitFor();
  await message("ana", "From the tunnel").waitFor();
}, 60_000);

test("the broker goes away and comes back: nothing is lost, and the dashboard shows it", async () => {
  await fetch(`${stack.info.control}/parts/service-bus/away`, { method: "POST", body: '{"for":"PT3S"}' });
  await dashboard.getByText("service-bus: killed").waitFor();
  await say("ana", "Through thick and thin");
  await dashboard.getByText("service-bus: ready").waitFor();
  await message("bo", "Through thick and thin").waitFor();
}, 60_000);

test("the dashboard's API explorer makes requests as anybody, and remembers what they were about", async () => {
  const api = dashboard.getByRole("region", { name: "API" });
  await api.getByLabel("As").fill("cy");
  await api.getByLabel("Request").selectOption("createConversation");
  await api.getByLabel("Body").fill('{"members":["di"],"title":"Explored"}');
  await api.getByRole("button", { name: "Send" }).click();
  await api.getByText("201 Created").waitFor();
  await api.getByLabel("Request").selectOption("getConversation");
  await api.getByRole("button", { name: "Send" }).click();
  await api.getByText("200 OK").waitFor();
  await api.getByText('"title": "Explored"').waitFor();
}, 60_000);

test("a life-line opens to its trace, its log lines and its document; what it says is shown when asked for alone", async () => {
  const ana = await person(stack, "ana");
  const { id: conversation } = await ana.start(["di"]);
  const { id } = await ana.send(conversation, "Between the lines");
  ana.close();
  const line = dashboard.locator(".lines > li", { hasText: id.slice(-8) });
  await line.getByText("completed", { exact: true }).first().waitFor();
  await line.locator("summary").first().click();
  await line.getByRole("heading", { name: /^Document: delivered, by ana$/u }).waitFor();
  await line
    .getByText(/^[\da-f]{32}$/u)
    .first()
    .waitFor();
  await line.locator(".trace li", { hasText: "publish message.created" }).first().waitFor();
  await line.locator(".logs", { hasText: "deliverText" }).waitFor();
  expect(await dashboard.getByText("Between the lines").count()).toBe(0);
  await line.getByRole("button", { name: "Show what it says, as ana" }).click();
  await line.getByText('"text": "Between the lines"').waitFor();
  await dashboard.getByRole("button", { name: "What the app has measured" }).click();
  await dashboard.getByText("dayfly_texts_delivered_total").waitFor();
  await picture(dashboard, "life-line");
}, 60_000);

test("what waits in a queue says how long it may: its time to live counts down, until somebody takes it", async () => {
  const ana = await person(stack, "ana");
  const { id: conversation } = await ana.start(["di"]);
  const bus = new ServiceBusClient(stack.info.serviceBus);
  // As a function that stands at a breakpoint: the conversation's other texts wait.
  const session = await bus.acceptSession("text-messages", conversation);
  const { id } = await ana.send(conversation, "Not yet");
  ana.close();
  const line = dashboard.locator(".lines > li", { hasText: id.slice(-8) });
  const left = line.locator("time[data-until]", { hasText: /^expires in 23:59:5\d$/u });
  await left.waitFor();
  await line.scrollIntoViewIfNeeded();
  await picture(dashboard, "time-to-live");
  await session.close();
  await left.waitFor({ state: "detached" });
  await line.getByText("completed", { exact: true }).first().waitFor();
  await bus.close();
}, 60_000);

test("axe finds nothing serious, light or dark, wide or narrow", async () => {
  for (const each of [page, dashboard]) {
    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [1280, 390]) {
        await each.emulateMedia({ colorScheme });
        await each.setViewportSize({ width, height: 800 });
        expect([each.url(), colorScheme, width, await seriousIn(each)]).toEqual([each.url(), colorScheme, width, []]);
        const overflow = await each.evaluate(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        expect([each.url(), width, overflow]).toEqual([each.url(), width, 0]);
        if (colorScheme === "dark" && width === 390)
          await picture(each, each === page ? "chat-phone" : "dashboard-phone");
      }
    }
    await each.emulateMedia({ colorScheme: "light" });
    await each.setViewportSize({ width: 1280, height: 800 });
  }
}, 60_000);

test("a day later the page is empty, but for what all agreed to keep", async () => {
  await stack.advance("PT24H2M");
  await message("bo", "Are you there?").waitFor({ state: "detached" });
  await message("ana", "From the tunnel").waitFor({ state: "detached" });
  await pane("ana").locator(".message").nth(1).waitFor({ state: "detached" });
  await message("ana", "Lunch at one?").waitFor();
  await dashboard.getByText("message.expired", { exact: true }).first().waitFor();
  await picture(dashboard, "dashboard");
  expect(troubles).toEqual([]);
}, 60_000);
