/**
 * dockerd starts containers with tsrun. Each case runs the same command under Debian's runc too, and compares
 * whatever can be seen: output, exit status, `docker inspect`, cgroup files, facts from inside the container.
 */
import { assertEquals } from "@std/assert";
import { skip } from "../lib/skip.ts";
import { Docker, dockerMissing } from "./docker.ts";
import { FACT_CASES } from "./docker_fact_cases.ts";
import { MANAGE_CASES } from "./docker_manage_cases.ts";
import { RUN_CASES } from "./docker_run_cases.ts";

const missing = dockerMissing();
if (missing) skip("docker", missing);
else {
  Deno.test("docker", async (t) => {
    const docker = await Docker.start();
    let leaks: string[] = [];
    try {
      for (const [name, fn] of Object.entries({ ...RUN_CASES, ...FACT_CASES, ...MANAGE_CASES })) {
        await t.step(name, async () => void (await fn(docker)));
      }
    } finally {
      leaks = await docker.stop();
    }
    assertEquals(leaks, []);
  });
}
