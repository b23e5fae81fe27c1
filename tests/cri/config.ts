/** The files that a containerd of the tests is configured with. */
import { pathUnderTest } from "../lib/runtime.ts";

/** The runtime handlers. */
export type Handler = "tsrun" | "runc";

/** Who makes cgroups. */
export type Manager = "cgroupfs" | "systemd";

/** Where Debian has the CNI plug-ins. */
export const CNI = "/usr/lib/cni";

/** What holds a pod's namespaces. */
export const PAUSE = "example.org/pause:latest";

/** Where a handler's program keeps its state, below the directory of the test. */
export function stateDir(dir: string, handler: Handler): string {
  return `${dir}/state-${handler}/k8s.io`;
}

/**
 * containerd.toml. Both handlers are runc's shim, with another program each.
 *
 * @param dir The directory of the test, which everything is in.
 * @param socket Where containerd listens.
 */
export function containerdConfig(dir: string, socket: string, manager: Manager): string {
  const handler = (name: Handler, program: string) => `
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.${name}]
runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.${name}.options]
BinaryName = "${program}"
Root = "${dir}/state-${name}"
SystemdCgroup = ${manager === "systemd"}
`;
  return `version = 3
root = "${dir}/containerd-root"
state = "${dir}/containerd-state"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.snapshotter.v1.erofs", "io.containerd.snapshotter.v1.blockfile"]
[grpc]
address = "${socket}"
[ttrpc]
address = "${socket}.ttrpc"
[plugins.'io.containerd.internal.v1.opt']
path = "${dir}/opt"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "${PAUSE}"
[plugins.'io.containerd.cri.v1.runtime']
netns_mounts_under_state_dir = true
restrict_oom_score_adj = true
drain_exec_sync_io_timeout = "10s"
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["${CNI}"]
conf_dir = "${dir}/net.d"
[plugins.'io.containerd.cri.v1.runtime'.containerd]
default_runtime_name = "runc"
${handler("tsrun", pathUnderTest())}${handler("runc", "/usr/sbin/runc")}`;
}

/**
 * The network of pods: a pair of devices for each, so nothing of it stays on the machine.
 *
 * @param subnet Network of the pods, in the form 10.0.0.0/24.
 */
export function networkConfig(dir: string, subnet: string): string {
  const ipam = {
    type: "host-local",
    dataDir: `${dir}/addresses`,
    ranges: [[{ subnet }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  const plugins = [{ type: "ptp", ipMasq: false, ipam }];
  return JSON.stringify({ cniVersion: "0.4.0", name: "pods", plugins });
}
