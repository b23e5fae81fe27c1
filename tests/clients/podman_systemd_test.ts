/** See podman_systemd.ts; here cgroups are podman's own, of version 1 on the usual test machine. */
import { runCases, testClient } from "./client.ts";
import { Podman, podmanMissing } from "./podman.ts";
import { importSystemd, SYSTEMD_CASES, systemdMissing } from "./podman_systemd.ts";

testClient(
  "podman: systemd in containers, and groups of services",
  podmanMissing() ?? systemdMissing(),
  () => Podman.start(),
  async (podman, t) => {
    await importSystemd(podman);
    await runCases(t, podman, SYSTEMD_CASES);
  },
);
