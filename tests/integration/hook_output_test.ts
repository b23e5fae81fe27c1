/** What hooks write has a limit, and is a file like any other. */
import { assertEquals } from "@std/assert";
import { assertError } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { readText } from "../lib/process.ts";

const KINDS = ["prestart", "createContainer"];

for (const kind of KINDS) {
  contract(`hooks: what ${kind} may write has a limit`, async (box) => {
    const script = `
      for try in 1 2 3 4; do head -c 8M /dev/zero || break; done
      echo $try >${box.dir}/tried
      # It may clear what it has written, and go on.
      : >/dev/stdout; echo enough >/dev/stderr; exit 1`;
    const hook = { path: "/bin/sh", args: ["sh", "-c", script] };
    assertError(
      await box.container({ hooks: { [kind]: [hook] } }).create(),
      /hook #0: exit status 1, stdout: , stderr: enough/,
    );
    // Two times 8 MiB fit.
    assertEquals(readText(`${box.dir}/tried`).trim(), "3");
    await box.assertNothingLeft();
  }, { notOnReference: "runc keeps all that a hook writes in its memory" });
}

contract("hooks: a process that a hook leaves behind may go on writing", async (box) => {
  const script = `(sleep 1; echo late && echo yes >${box.dir}/written) & :`;
  const hook = { path: "/bin/sh", args: ["sh", "-c", script] };
  await box.container({ hooks: { createRuntime: [hook] } }).created();
  for (const end = performance.now() + 30_000; readText(`${box.dir}/written`) === "";) {
    if (performance.now() > end) throw new Error("the process has not written");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}, { notOnReference: "runc waits for its end" });
