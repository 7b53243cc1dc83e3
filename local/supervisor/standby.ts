/**
 * Loaded before a part's program (`--import`): imports what that will need (`LOCAL_WARM_UP`, comma separated), then holds it
 * back until the supervisor sends its settings.
 *
 * Most of the time that a functions host takes to start goes into loading SDKs. So that is done while the parts start whose
 * addresses the settings hold, and in watch mode ahead of the next save.
 */
import { open } from "node:inspector";

/** What the supervisor sends to let the program begin. */
export interface Go {
  readonly settings: Readonly<Record<string, string>>;
  readonly inspectPort?: number;
}

// Before anything is loaded: the message may be there already.
const go = new Promise<Go>((resolve) => process.once("message", resolve));
process.once("disconnect", leave);

const modules = (process.env["LOCAL_WARM_UP"] ?? "").split(",").filter((name) => name !== "");
// One that cannot be loaded is the program's to complain about.
await Promise.allSettled(modules.map((name) => import(name)));

const { settings, inspectPort } = await go;
process.off("disconnect", leave);
Object.assign(process.env, settings);
if (inspectPort !== undefined) open(inspectPort, "127.0.0.1");

/** Nobody is left to say go. */
function leave(): void {
  process.exit();
}
