// Jest runs tests in a realm of its own, where `fsError instanceof Error` is false: Node's errors, Maps and Dates come from
// the outer realm. The SDKs under test ask such questions, so the outer realm's constructors are put into the tests' realm.
import { TestEnvironment } from "jest-environment-node";

const shared = [
  "AggregateError",
  "Date",
  "Error",
  "EvalError",
  "Map",
  "RangeError",
  "ReferenceError",
  "Set",
  "SyntaxError",
  "TypeError",
  "URIError",
];

export default class NodeEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    for (const name of shared) this.global[name] = globalThis[name];
  }
}
