/**
 * The trials on this host: each in a child of its own, an executor that ends right after.
 * @module
 */

import {
  AT_FDCWD,
  AT_REMOVEDIR,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  PR_SET_DUMPABLE,
} from "../../../ffi/constants.ts";
import { EEXIST, EPERM } from "../../../ffi/errno.ts";
import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import { OperationError } from "../../../ffi/kernel.ts";
import { libseccompRelease, SeccompFilter } from "../../../ffi/libseccomp.ts";
import { kernelKnowsFlag } from "../../../ffi/libseccomp_probe.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { decodeStatfsFree, decodeStatfsType, STATFS_SIZE } from "../../../ffi/structs.ts";
import type { RemoteKernel } from "../../../ffi/remote.ts";
import { Arena, type Executor, spawnExecutor } from "../../../init/executor.ts";
import { giveDescriptor } from "../../../init/hand_over.ts";
import * as trials from "../../../init/host_trials.ts";
import { becomeNamespaceRoot } from "../../../init/user_namespace.ts";
import { NAMESPACES, type NamespaceType } from "../../../spec/namespaces.ts";
import { SECCOMP_ACTIONS, SECCOMP_FLAGS } from "../../../spec/seccomp.ts";
import { loadDeviceTrial, loadSystemd } from "../../cgroups/mod.ts";
import { compileProfile, nativeArch } from "../../features/seccomp/compile.ts";
import { runIdMapTool } from "../../features/user_namespace/id_map_tool.ts";
import { callerGid, callerUid, ownPid } from "../../host/caller.ts";
import { writeIdMaps, writeIdMapsAsUser } from "../../host/id_maps.ts";
import { outputOf } from "../../host/output.ts";
import type { IdGrant, Trials } from "./trials.ts";

/** Bytes of a program's output that are read, and the milliseconds that it may take. */
const PROGRAM_OUTPUT_MAX = 1 << 16, PROGRAM_PATIENCE = 20_000;

/** Magic numbers of filesystems that a state directory may be on: linux/magic.h. */
const TYPES: Readonly<Record<number, string>> = {
  0x01021994: "tmpfs",
  0xef53: "ext4",
  0x58465342: "xfs",
  0x9123683e: "btrfs",
  0x794c7630: "overlay",
  0x6969: "nfs",
};

/** See {@linkcode Trials}. */
export class HostTrials implements Trials, Disposable {
  readonly #arena: Arena;

  constructor(readonly k: LocalKernel) {
    this.#arena = new Arena(k, 0);
  }

  [Symbol.dispose](): void {
    this.#arena[Symbol.dispose]();
  }

  namespace(type: NamespaceType, inUserNamespace: boolean): number {
    const { flag } = NAMESPACES[type];
    return this.#child((child) =>
      (inUserNamespace ? this.#enterUserNamespace(child) : 0) || trials.tryUnshare(child.kernel, flag)
    );
  }

  namespaceOfUser(uid: number): number {
    return this.#child(({ kernel }) => trials.tryUnshareAs(kernel, uid));
  }

  rightsInUserNamespace(): number {
    return this.#child((child) => {
      const entered = this.#enterUserNamespace(child);
      if (entered !== 0) return entered;
      const calls = trials.tryMounts(child.kernel);
      return typeof calls === "number" ? calls : calls.fsmount;
    });
  }

  mapIds(uids: IdGrant, gids: IdGrant): string | undefined {
    return this.#reason(({ kernel, pid }) => {
      const made = makeUserNamespace(kernel);
      if (made !== 0) throw new OperationError("unshare", made, "", "make a user namespace");
      for (const [kind, { own, first, count }] of [["uid", uids], ["gid", gids]] as const) {
        runIdMapTool(this.k, this.#arena, kind, pid, [
          { containerID: 0, hostID: own, size: 1 },
          { containerID: 1, hostID: first, size: count },
        ]);
      }
    });
  }

  clone3(): number {
    return this.#child(({ kernel }) => trials.tryClone(kernel));
  }

  pidfd(): number {
    return this.#child(({ kernel }) => trials.tryPidfd(kernel));
  }

  fileCalls(): Readonly<Record<string, number>> {
    using executor = spawnExecutor(this.#arena);
    return trials.tryFileCalls(executor.kernel);
  }

  mountCalls(inUserNamespace: boolean): Readonly<Record<string, number>> | number {
    let calls: Readonly<Record<string, number>> = {};
    const errno = this.#child((child) => {
      const entered = inUserNamespace ? this.#enterUserNamespace(child) : 0;
      const answer = entered || trials.tryMounts(child.kernel);
      if (typeof answer === "number") return answer;
      calls = answer;
      return 0;
    });
    return errno || calls;
  }

  memfd(): string | undefined {
    let failure: string | undefined;
    return this.#reason(({ kernel }) => failure = trials.tryMemfd(kernel)) ?? failure;
  }

  overlay(): number {
    return this.#child((child) => this.#enterUserNamespace(child) || trials.tryOverlay(child.kernel));
  }

  idmap(path: string): number {
    return this.#child((holder) => {
      const made = trials.tryUnshare(holder.kernel, NAMESPACES.user.flag);
      if (made !== 0) return made;
      // Any mapping will do. That of root is allowed to root of a user namespace, too.
      const ids = [{ containerID: 0, hostID: 0, size: 1 }];
      writeIdMaps(this.k, holder.pid, { uids: ids, gids: ids });
      const users = this.k.open(`/proc/${holder.pid}/ns/user`, O_RDONLY).wait();
      try {
        return this.#child(({ kernel }) =>
          trials.tryIdmap(kernel, path, giveDescriptor(this.k, kernel, users))
        );
      } finally {
        this.k.close(users);
      }
    });
  }

  filter(): string | undefined {
    let program: Uint8Array;
    try {
      const syscalls = [{ names: ["acct"], action: "SCMP_ACT_ERRNO" as const }];
      ({ program } = compileProfile({ defaultAction: "SCMP_ACT_ALLOW", syscalls }, () => {}));
    } catch (error) {
      return reasonOf(error);
    }
    return this.#reason(({ kernel }) => {
      const errno = trials.tryFilter(kernel, program);
      if (errno !== 0) throw new OperationError("seccomp", errno, "", "");
    });
  }

  unknownCalls(names: readonly string[]): string[] {
    using filter = new SeccompFilter(SECCOMP_ACTIONS.SCMP_ACT_ALLOW, names);
    return names.filter((name) => filter.resolve(name, nativeArch) === undefined);
  }

  unknownFlags(): string[] {
    return Object.entries(SECCOMP_FLAGS).filter(([, flag]) => !kernelKnowsFlag(flag)).map(([name]) => name);
  }

  libseccomp(): string {
    return libseccompRelease();
  }

  cgroup(directory: string): number {
    const path = `${directory}/tsrun-doctor-${ownPid()}`;
    const made = this.k.mkdirat(AT_FDCWD, path, 0o755, { allow: "any" }).wait();
    if (made < 0) return -made;
    this.k.unlinkat(AT_FDCWD, path, AT_REMOVEDIR, { allow: "any" });
    return 0;
  }

  async deviceProgram(): Promise<number> {
    return (await loadDeviceTrial()).tryDeviceProgram(this.k);
  }

  async systemd(bus: "system" | "user"): Promise<{ release: number } | { reason: string }> {
    const { SystemdManager } = await loadSystemd();
    try {
      using manager = SystemdManager.connect(this.k, bus, callerUid(), { connect: 3000, answer: 5000 });
      return { release: manager.version() };
    } catch (error) {
      return { reason: reasonOf(error) };
    }
  }

  async criu(name: string): Promise<{ path: string; version: number; check?: string } | { reason: string }> {
    const [{ findCriu }, { criuVersion }] = await Promise.all([
      import("../../features/checkpoint/criu.ts"),
      import("../../features/checkpoint/checks.ts"),
    ]);
    try {
      const path = findCriu(name), version = criuVersion(this.k, path);
      const { success, stdout, stderr } = await outputOf(
        path,
        ["check"],
        {},
        PROGRAM_OUTPUT_MAX,
        PROGRAM_PATIENCE,
      );
      const complaint = `${stdout}\n${stderr}`.trim().split("\n").at(-1);
      return { path, version, ...success ? {} : { check: complaint || "it failed" } };
    } catch (error) {
      return { reason: reasonOf(error) };
    }
  }

  stateDirectory(path: string): number {
    const made: string[] = [], names = path.split("/").slice(1);
    try {
      for (let depth = 1; depth <= names.length; depth++) {
        const directory = `/${names.slice(0, depth).join("/")}`;
        const answer = this.k.mkdirat(AT_FDCWD, directory, 0o700, { allow: "any" }).wait();
        if (answer === 0) made.push(directory);
        else if (answer !== -EEXIST) return -answer;
      }
      const file = `${path}/.doctor-${ownPid()}`;
      const fd = this.k.open(file, O_WRONLY | O_CREAT | O_EXCL, 0o600, { allow: "any" }).wait();
      if (fd < 0) return -fd;
      this.k.close(fd);
      this.k.unlinkat(AT_FDCWD, file, 0, { allow: "any" });
      return 0;
    } finally {
      for (const directory of made.reverse()) {
        this.k.unlinkat(AT_FDCWD, directory, AT_REMOVEDIR, { allow: "any" });
      }
    }
  }

  space(path: string): { bytes: number; files: number; type: string } | undefined {
    for (let place = path; place !== ""; place = place.slice(0, place.lastIndexOf("/")) || "/") {
      const fd = this.k.open(place, O_PATH | O_DIRECTORY, 0, { allow: "any" }).wait();
      if (fd < 0 && place !== "/") continue;
      if (fd < 0) return undefined;
      const free = this.k.scratch(() => {
        const buffer = this.k.buffer(STATFS_SIZE);
        this.k.fstatfs(fd, buffer).wait();
        const magic = decodeStatfsType(buffer);
        return { ...decodeStatfsFree(buffer), type: TYPES[magic] ?? `0x${magic.toString(16)}` };
      });
      this.k.close(fd);
      return free;
    }
    return undefined;
  }

  async firstLine(path: string, args: readonly string[]): Promise<string | undefined> {
    try {
      const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
      const { stdout } = await outputOf(path, args, env, PROGRAM_OUTPUT_MAX, PROGRAM_PATIENCE);
      return stdout.split("\n")[0] || undefined;
    } catch {
      return undefined;
    }
  }

  /** Runs a trial in a child. A refusal that is thrown is its errno. */
  #child(trial: (child: Executor) => number): number {
    try {
      using executor = spawnExecutor(this.#arena);
      return trial(executor);
    } catch (error) {
      if (error instanceof OperationError) return error.errno;
      if (error instanceof RuntimeError && error.code === "EPERM_ID_MAP") return EPERM;
      throw error;
    }
  }

  /** Runs a trial in a child. Returns why it failed. */
  #reason(trial: (child: Executor) => void): string | undefined {
    try {
      using executor = spawnExecutor(this.#arena);
      trial(executor);
      return undefined;
    } catch (error) {
      return reasonOf(error);
    }
  }

  /** Makes the child root of a new user namespace in which the caller is the only user. Returns an errno. */
  #enterUserNamespace({ kernel, pid }: Executor): number {
    const made = makeUserNamespace(kernel);
    if (made !== 0) return made;
    const own = (hostID: number) => [{ containerID: 0, hostID, size: 1 }];
    const maps = { uids: own(callerUid()), gids: own(callerGid()) };
    const writer = { uid: callerUid(), gid: callerGid(), tool: () => {} };
    const denied = callerUid() === 0
      ? writeIdMaps(this.k, pid, maps)
      : writeIdMapsAsUser(this.k, pid, maps, writer);
    becomeNamespaceRoot(kernel, denied);
    kernel.flush();
    return 0;
  }
}

/** Makes a user namespace. The caller may write the process's maps afterwards. Returns an errno. */
function makeUserNamespace(kernel: RemoteKernel): number {
  const made = trials.tryUnshare(kernel, NAMESPACES.user.flag);
  // The new rights have made the files of the process root's.
  if (made === 0) kernel.prctl(PR_SET_DUMPABLE, 1).wait();
  return made;
}
