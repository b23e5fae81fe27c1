/** See ../clients/podman_systemd.ts; here systemd makes the cgroups, of version 2. */
import { runCases, testClient } from "../clients/client.ts";
import { Podman, podmanMissing } from "../clients/podman.ts";
import { SYSTEMD_CASES } from "../clients/podman_systemd.ts";
import { lacksCgroupV2, lacksSystemd } from "../lib/skip.ts";
import { ensureSystemdTree } from "../lib/systemd_tree.ts";

const missing = podmanMissing() ?? lacksSystemd() ?? lacksCgroupV2();
const tree = missing === undefined ? await ensureSystemdTree() : { missing };
testClient(
  "podman: systemd in containers on cgroup v2",
  "missing" in tree ? tree.missing : undefined,
  async () => {
    const podman = await Podman.start("systemd");
    if ("archive" in tree) await podman.ok("import", tree.archive, "systemd");
    return podman;
  },
  (podman, t) => runCases(t, podman, SYSTEMD_CASES),
);
