import { expect, test } from "@jest/globals";
import { Page } from "../../../local/service-bus/management/metrics.js";

test("help, type and samples of a family together, with what must be escaped", () => {
  const page = new Page();
  page.add("a_total", "counter", "Back\\slash and\nline.", [
    [{ queue: 'q"\\\n' }, 3],
    [{ queue: "r", role: "sender" }, 0],
  ]);
  page.add("b", "gauge", "None.", [[{}, 1.5]]);
  expect(page.toString()).toBe(
    [
      "# HELP a_total Back\\\\slash and\\nline.",
      "# TYPE a_total counter",
      'a_total{queue="q\\"\\\\\\n"} 3',
      'a_total{queue="r",role="sender"} 0',
      "# HELP b None.",
      "# TYPE b gauge",
      "b 1.5",
      "",
    ].join("\n"),
  );
});
