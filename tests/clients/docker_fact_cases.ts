/** What a container sees under docker, compared with what it sees under runc. */
import { assert, assertEquals } from "@std/assert";
import { mountAt } from "../lib/mountinfo.ts";
import { capabilityBits, type Facts, parseFacts, PROBE } from "../lib/probe.ts";
import { readText } from "../lib/process.ts";
import { comparableFacts } from "./facts.ts";
import { type Case, type Docker, RUNTIMES } from "./docker.ts";

const CAP_SYS_ADMIN = 21;

/** Cases by name; see docker_test.ts. */
export const FACT_CASES: Record<string, Case> = {
  "facts: docker's defaults": (docker) => compareFacts(docker),

  "facts: --user, --workdir, --env": (docker) =>
    compareFacts(docker, "--user", "1000:1001", "--group-add", "27", "-w", "/made/here", "-e", "A=b c"),

  "facts: --cap-drop ALL --cap-add": async (docker) => {
    const facts = await compareFacts(
      docker,
      "--cap-drop",
      "ALL",
      "--cap-add",
      "NET_RAW",
      "--cap-add",
      "CHOWN",
    );
    assertEquals(facts.status.CapEff, "0000000000002001");
  },

  "facts: --privileged": async (docker) => {
    // Without all capabilities (in a container or a sandbox) runc refuses; tsrun gives those that there are.
    const facts = hostHasAllCapabilities()
      ? await compareFacts(docker, "--privileged")
      : parseFacts((await docker.container("tsrun", "--privileged", "box", ...PROBE)).stdout);
    const bits = capabilityBits(facts.status.CapEff);
    assert(bits.includes(CAP_SYS_ADMIN) && bits.length > 30, facts.status.CapEff);
    assertEquals([facts.status.CapBnd, facts.status.Seccomp], [facts.status.CapEff, "0"]);
    assert(mountAt(facts.mounts, "/sys")?.options.includes("rw"));
  },

  "facts: --read-only --tmpfs": async (docker) => {
    const facts = await compareFacts(docker, "--read-only", "--tmpfs", "/tmp:size=1m,mode=1770");
    assert(mountAt(facts.mounts, "/")?.options.includes("ro"));
  },

  "facts: --ulimit, --oom-score-adj, --shm-size, --sysctl": async (docker) => {
    const facts = await compareFacts(
      docker,
      ...["--ulimit", "nofile=512:1024", "--ulimit", "core=0", "--oom-score-adj", "500"],
      ...["--shm-size", "1m", "--sysctl", "net.ipv4.ip_forward=1"],
    );
    assertEquals(facts.limits["Max open files"], ["512", "1024"]);
    assertEquals(facts.oomScoreAdj, "500");
  },

  "facts: no-new-privileges, seccomp=unconfined, systempaths=unconfined": async (docker) => {
    const facts = await compareFacts(
      docker,
      "--security-opt",
      "no-new-privileges",
      "--security-opt",
      "seccomp=unconfined",
    );
    assertEquals([facts.status.NoNewPrivs, facts.status.Seccomp], ["1", "0"]);
    await compareFacts(docker, "--security-opt", "systempaths=unconfined");
  },

  "facts: --pid host, --uts host, --ipc host, --network host": async (docker) => {
    const facts = await compareFacts(
      docker,
      "--pid",
      "host",
      "--uts",
      "host",
      "--ipc",
      "host",
      "--network",
      "host",
    );
    for (const name of ["pid", "uts", "ipc", "net"]) {
      assertEquals(facts.ns[name], Deno.readLinkSync(`/proc/self/ns/${name}`), name);
    }
  },

  "facts: --cgroupns private": (docker) => compareFacts(docker, "--cgroupns", "private"),
};

/**
 * Runs the probe under both runtimes with the same flags, and compares all facts.
 *
 * @returns Those of tsrun.
 */
async function compareFacts(docker: Docker, ...flags: string[]): Promise<Facts> {
  const name = flags.includes("--uts") ? [] : ["--hostname", "box"];
  const results = await Promise.all(
    RUNTIMES.map((runtime) => docker.container(runtime, ...name, ...flags, "box", ...PROBE)),
  );
  for (const { code, stderr } of results) assertEquals(code, 0, stderr);
  const facts = results.map((result) => parseFacts(result.stdout));
  assertEquals(comparableFacts(facts[0]), comparableFacts(facts[1]));
  return facts[0];
}

/** Whether this process could give away all capabilities that docker knows (up to CAP_AUDIT_READ, 37). */
function hostHasAllCapabilities(): boolean {
  const bits = capabilityBits(/^CapBnd:\s+(\w+)$/m.exec(readText("/proc/self/status"))?.[1] ?? "0");
  return Array.from({ length: 38 }, (_, bit) => bit).every((bit) => bits.includes(bit));
}
