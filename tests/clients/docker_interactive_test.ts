/**
 * People and health checks at work in containers under dockerd: `docker exec`, terminals, attach, logs, cp.
 * Each case does the same under Debian's runc, and compares all that can be seen.
 */
import { Docker, dockerMissing } from "./docker.ts";
import { EXEC_CASES } from "./docker_exec_cases.ts";
import { HEALTH_CASES } from "./docker_health_cases.ts";
import { TERMINAL_CASES } from "./docker_terminal_cases.ts";
import { runCases, testClient } from "./client.ts";

testClient(
  "docker interactive",
  dockerMissing(),
  () => Docker.start(),
  (docker, t) => runCases(t, docker, { ...EXEC_CASES, ...TERMINAL_CASES, ...HEALTH_CASES }),
);
