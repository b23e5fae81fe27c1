/**
 * podman starts containers with tsrun, through conmon. Each case runs the same command under Debian's runc too,
 * and compares whatever can be seen.
 */
import { assertEquals } from "@std/assert";
import { skip } from "../lib/skip.ts";
import { CASES } from "./podman_cases.ts";
import { Podman, podmanMissing } from "./podman.ts";

const missing = podmanMissing();
if (missing) skip("podman", missing);
else {
  Deno.test("podman", async (t) => {
    const podman = await Podman.start();
    let leaks: string[] = [];
    try {
      for (const [name, fn] of Object.entries(CASES)) await t.step(name, async () => void (await fn(podman)));
    } finally {
      leaks = await podman.stop();
    }
    assertEquals(leaks, []);
  });
}
