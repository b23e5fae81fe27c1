/** The whole set-up of a container on a kernel that only records. */
import { S_IFCHR, S_IFREG } from "../../ffi/constants.ts";
import type { DryKernel } from "../../ffi/dry.ts";
import { Memory } from "../../ffi/memory.ts";
import { planNamespaces } from "../../init/namespaces.ts";
import { setUp } from "../../init/setup.ts";
import type { Spec } from "../../spec/types.ts";
import { type Script, scripted, stat } from "../lib/scripted.ts";

const FILTER = { program: new Uint8Array([6, 0, 0, 0, 0, 0, 0xff, 0x7f]), flags: 0 };
const ALL = 0xffffffff, LAST_CAPABILITY = 40;

/** One for all kernels: to make a new one takes longer than what is done with it. */
const MEMORY = new Memory(new ArrayBuffer(1 << 20), 0x10000000);

/** A kernel that only records, in memory that the one before has used. */
export function dryKernel(script: Script = {}): DryKernel {
  MEMORY.release(0);
  return scripted(script, MEMORY);
}

/** A kernel on which everything is well. */
function wellKernel(cwd: string): DryKernel {
  let opened = "";
  const bytes = new TextEncoder().encode(cwd);
  return dryKernel({
    getpid: 1,
    getcwd: (buffer) => {
      (buffer as { bytes: Uint8Array }).bytes.set(bytes);
      return bytes.length;
    },
    openat2: (_dir, path) => void (opened = path as string),
    statx: (...args) =>
      opened === "/dev/null" && args[1] === ""
        ? stat(S_IFCHR, 1, 3)(...args)
        : stat(S_IFREG | 0o755)(...args),
  });
}

/**
 * Sets up a container of this config, up to the program that waits for `start`. @returns What was recorded.
 */
export function drySetUp(spec: Spec): DryKernel {
  const k = wellKernel("/");
  const plan = {
    spec,
    bundle: "/bundle",
    rootfs: "/bundle/rootfs",
    hostRoot: false,
    fifo: "/run/box/exec.fifo",
    namespaces: planNamespaces(spec.linux?.namespaces),
    noPivot: false,
    mountable: true,
    keyring: "_ses.box",
    host: { permitted: { low: ALL, high: 0x1ff }, last: LAST_CAPABILITY },
    hasKcore: false,
    mountPoints: ["/"],
    procAndSys: [],
  };
  const tools = { nullStdio: [], channel: 202, arena: 200, groupsDenied: () => false, hostProcfs: () => 9 };
  const filter = spec.linux?.seccomp ? FILTER : null;
  setUp(k, plan, tools, [{
    birth: (setup) => void (setup.mounts.copyUp = () => {}),
    filter: (setup) => void (setup.filter = filter),
  }]);
  return k;
}
