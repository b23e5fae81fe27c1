/**
 * The place in which the benchmark's containers live, and its removal from any point.
 *
 * One directory and one cgroup hold everything; both are named after the process id of the benchmark. So all
 * runtimes use the same rootfs and the same file system for bundles and state. The directory is on a tmpfs,
 * so that no disk takes part in the timing: a runtime's state belongs on /run, which is a tmpfs on an
 * ordinary host. Where /run is on a disk, /dev/shm is taken. Clean-up needs no runtime: it kills all
 * processes in the cgroup, then removes cgroup and directory. What a killed benchmark left behind is removed
 * by the next one.
 */

const PREFIX = "tsrun-bench-";

/** A mount of this host. */
export interface HostMount {
  point: string;
  type: string;
  options: string[];
}

/** The mounts in /proc/mounts (proc_mounts(5)), in mount order. */
export function parseMounts(text: string): HostMount[] {
  return text.trim().split("\n").map((line) => {
    const [, point, type, options] = line.split(" ");
    return { point, type, options: options.split(",") };
  });
}

/**
 * The directory that should hold the state: the first of `candidates` that is a tmpfs one may execute from.
 */
export function chooseBase(mounts: HostMount[], candidates = ["/run", "/dev/shm"]): string {
  const fit = (path: string) => {
    const mounted = mounts.findLast(({ point }) => point === path);
    return mounted?.type === "tmpfs" && !mounted.options.includes("noexec") &&
      !mounted.options.includes("ro");
  };
  return candidates.find(fit) ?? candidates[0];
}

/** Type of the file system on which a path lies that is a mount point or directly below `/`. */
export function fileSystemOf(mounts: HostMount[], path: string): string {
  const mounted = mounts.findLast(({ point }) => point === path) ??
    mounts.findLast(({ point }) => point === "/");
  return mounted?.type ?? "unknown file system";
}

/** Mount points of the cgroup hierarchies, v1 and v2. */
function hierarchies(): string[] {
  return parseMounts(Deno.readTextFileSync("/proc/mounts"))
    .filter(({ type }) => type === "cgroup" || type === "cgroup2")
    .map(({ point }) => point);
}

/** What `action` returns, or nothing when it fails because something went away meanwhile. */
function unlessGone<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** The directory and those below it, deepest first. */
function depthFirst(directory: string): string[] {
  const entries = unlessGone(() => [...Deno.readDirSync(directory)]);
  if (entries === undefined) return [];
  const below = entries.filter((entry) => entry.isDirectory);
  return [...below.flatMap(({ name }) => depthFirst(`${directory}/${name}`)), directory];
}

/**
 * Kills every process in the cgroup (a path from the root of each hierarchy) and in those below it, and
 * removes them. Returns the directories that could not be removed within ten seconds.
 */
export function removeCgroup(cgroup: string): string[] {
  let left: string[] = [];
  for (let attempt = 0; attempt < 1000; attempt++) {
    const directories = hierarchies().flatMap((point) => depthFirst(point + cgroup));
    for (const directory of directories) {
      unlessGone(() => Deno.writeTextFileSync(`${directory}/freezer.state`, "THAWED", { create: false }));
      const pids = unlessGone(() => Deno.readTextFileSync(`${directory}/cgroup.procs`)) ?? "";
      for (const pid of pids.trim().split("\n").map(Number).filter((pid) => pid > 0)) {
        unlessGone(() => Deno.kill(pid, "SIGKILL"));
      }
      unlessGone(() => Deno.removeSync(directory));
    }
    left = directories.filter((directory) => unlessGone(() => Deno.statSync(directory)) !== undefined);
    if (left.length === 0) return [];
    sleep(10);
  }
  return left;
}

/** Removes the directories and cgroups of benchmarks whose process is gone. */
function sweep(base: string): void {
  const cgroups = hierarchies().map((point) => unlessGone(() => [...Deno.readDirSync(point)]) ?? []);
  const names = [...Deno.readDirSync(base), ...cgroups.flat()].map(({ name }) => name);
  for (const name of new Set(names)) {
    const match = new RegExp(`^${PREFIX}(\\d+)$`).exec(name);
    if (match === null || unlessGone(() => Deno.statSync(`/proc/${match[1]}`)) !== undefined) continue;
    removeCgroup(`/${name}`);
    unlessGone(() => Deno.removeSync(`${base}/${name}`, { recursive: true }));
  }
}

/** The benchmark's directory and cgroup; disposing of it removes both and all processes inside. */
export class Sandbox implements Disposable {
  readonly #mounts = parseMounts(Deno.readTextFileSync("/proc/mounts"));
  readonly base = chooseBase(this.#mounts);
  /** The kind of file system that holds everything, for the report. */
  readonly fileSystem = `${fileSystemOf(this.#mounts, this.base)} at ${this.base}`;
  /** Absolute path of the directory. */
  readonly directory = `${this.base}/${PREFIX}${Deno.pid}`;
  /** The cgroup under which every container of the benchmark is placed, as in `linux.cgroupsPath`. */
  readonly cgroup = `/${PREFIX}${Deno.pid}`;
  readonly rootfs = `${this.directory}/rootfs`;
  /** The files that the docker configuration binds into the container. */
  readonly files = `${this.directory}/files`;

  constructor(busybox: string) {
    sweep(this.base);
    Deno.mkdirSync(this.directory, { mode: 0o711 });
    this.#makeRootfs(busybox);
    Deno.mkdirSync(this.files);
    for (const name of ["hosts", "hostname", "resolv.conf"]) {
      Deno.writeTextFileSync(`${this.files}/${name}`, "\n");
    }
  }

  /** A static busybox and the mount points, so that no runtime has to make them and pays for the others. */
  #makeRootfs(busybox: string): void {
    for (const name of ["bin", "etc", "dev", "proc", "sys", "tmp"]) {
      Deno.mkdirSync(`${this.rootfs}/${name}`, { recursive: true });
    }
    for (const name of ["hosts", "hostname", "resolv.conf"]) {
      Deno.writeTextFileSync(`${this.rootfs}/etc/${name}`, "");
    }
    Deno.copyFileSync(busybox, `${this.rootfs}/bin/busybox`);
    Deno.chmodSync(`${this.rootfs}/bin/busybox`, 0o755);
    for (const name of ["sh", "true", "cat"]) Deno.symlinkSync("busybox", `${this.rootfs}/bin/${name}`);
  }

  /** Makes a subdirectory and returns its path. */
  subdirectory(name: string): string {
    const path = `${this.directory}/${name}`;
    Deno.mkdirSync(path, { recursive: true, mode: 0o711 });
    return path;
  }

  /** Kills all containers and removes their cgroups and the state directory `root` of their runtime. */
  reset(root: string): void {
    removeCgroup(this.cgroup);
    unlessGone(() => Deno.removeSync(root, { recursive: true }));
  }

  [Symbol.dispose](): void {
    const left = removeCgroup(this.cgroup);
    Deno.removeSync(this.directory, { recursive: true });
    if (left.length > 0) console.error(`bench: these cgroups could not be removed: ${left.join(" ")}`);
  }
}
