/**
 * The CRI on cgroup v2 with systemd's cgroups, as nodes of Kubernetes have it: what is different there. All
 * other cases run outside, see ../cri.
 */
import { testCri } from "../cri/cri.ts";
import { LIFE } from "../cri/life_cases.ts";
import { lacksCgroupV2, lacksSystemd } from "../lib/skip.ts";

/** An emulated machine has time for one. */
const CHOSEN = "figures of a container";

const cases = Object.fromEntries(
  Object.entries(LIFE).filter(([name]) => name.startsWith(CHOSEN)),
);
await testCri("CRI with systemd on cgroup v2", cases, "systemd", lacksSystemd() ?? lacksCgroupV2());
