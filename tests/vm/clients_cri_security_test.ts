/**
 * The CRI's security contexts on cgroup v2 with systemd's cgroups, as nodes of Kubernetes have it: the cases
 * of ../cri, and AppArmor, which is here.
 */
import { assertEquals } from "@std/assert";
import { type CriCase, testCri } from "../cri/cri.ts";
import { SECURITY } from "../cri/security_cases.ts";
import { lacksAppArmor, lacksCgroupV2, lacksSystemd } from "../lib/skip.ts";

const missing = lacksSystemd() ?? lacksCgroupV2() ?? lacksAppArmor();

/** What a container under this profile says of itself. */
const APPARMOR: Readonly<Record<string, CriCase>> = {
  "the runtime's AppArmor profile, and none": (cri) =>
    cri.both(async (handler) => {
      const under = (profile_type: number) => {
        const security_context = { apparmor: { profile_type } };
        return cri.run(handler, "cat /proc/self/attr/current", { security_context });
      };
      assertEquals(await under(0), "cri-containerd.apparmor.d (enforce)");
      assertEquals(await under(1), "unconfined");
    }),
};

const cases = { ...SECURITY, ...APPARMOR };
await testCri("CRI with systemd on cgroup v2: security contexts", cases, "systemd", missing);
