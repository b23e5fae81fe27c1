/**
 * dockerd starts containers with tsrun. Each case runs the same command under Debian's runc too, and compares
 * all that can be seen: output, exit status, `docker inspect`, cgroup files, facts from inside the container.
 */
import { Docker, dockerMissing } from "./docker.ts";
import { FACT_CASES } from "./docker_fact_cases.ts";
import { MANAGE_CASES } from "./docker_manage_cases.ts";
import { RUN_CASES } from "./docker_run_cases.ts";
import { runCases, testClient } from "./client.ts";

testClient(
  "docker",
  dockerMissing(),
  () => Docker.start(),
  (docker, t) => runCases(t, docker, { ...RUN_CASES, ...FACT_CASES, ...MANAGE_CASES }),
);
