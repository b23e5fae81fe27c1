/**
 * People and health checks at work in containers under dockerd: `docker exec`, terminals, attach, logs, cp.
 * Each case does the same under Debian's runc, and compares whatever can be seen.
 */
import { assertEquals } from "@std/assert";
import { skip } from "../lib/skip.ts";
import { Docker, dockerMissing } from "./docker.ts";
import { EXEC_CASES } from "./docker_exec_cases.ts";
import { HEALTH_CASES } from "./docker_health_cases.ts";
import { TERMINAL_CASES } from "./docker_terminal_cases.ts";

const missing = dockerMissing();
if (missing) skip("docker interactive", missing);
else {
  Deno.test("docker interactive", async (t) => {
    const docker = await Docker.start();
    let leaks: string[] = [];
    try {
      for (const [name, fn] of Object.entries({ ...EXEC_CASES, ...TERMINAL_CASES, ...HEALTH_CASES })) {
        await t.step(name, async () => void (await fn(docker)));
      }
    } finally {
      leaks = await docker.stop();
    }
    assertEquals(leaks, []);
  });
}
