/** See ../clients/podman_systemd.ts; here systemd makes the cgroups, of version 2. */
import { runCases, testClient } from "../clients/client.ts";
import { Podman, podmanMissing } from "../clients/podman.ts";
import { importSystemd, SYSTEMD_CASES } from "../clients/podman_systemd.ts";
import { lacksCgroupV2, lacksSystemd } from "../lib/skip.ts";

testClient(
  "podman: systemd in containers on cgroup v2",
  podmanMissing() ?? lacksSystemd() ?? lacksCgroupV2(),
  () => Podman.start("systemd"),
  async (podman, t) => {
    await importSystemd(podman);
    await runCases(t, podman, SYSTEMD_CASES);
  },
);
