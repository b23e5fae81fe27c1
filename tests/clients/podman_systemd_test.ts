/** See podman_systemd.ts; here cgroups are podman's own, of version 1 on the usual test machine. */
import { ensureSystemdTree } from "../lib/systemd_tree.ts";
import { runCases, testClient } from "./client.ts";
import { Podman, podmanMissing } from "./podman.ts";
import { SYSTEMD_CASES } from "./podman_systemd.ts";

const missing = podmanMissing();
const tree = missing === undefined ? await ensureSystemdTree() : { missing };
testClient(
  "podman: systemd in containers, and groups of services",
  "missing" in tree ? tree.missing : undefined,
  async () => {
    const podman = await Podman.start();
    if ("archive" in tree) await podman.ok("import", tree.archive, "systemd");
    return podman;
  },
  (podman, t) => runCases(t, podman, SYSTEMD_CASES),
);
