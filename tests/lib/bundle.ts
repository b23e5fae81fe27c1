/**
 * Builds bundles for tests: a rootfs of one static busybox, and a `config.json` that is docker-like but
 * small.
 */

/** A JSON object whose shape the test decides; a wrong shape is what many tests are about. */
export type Dict = { [key: string]: unknown };

/** A bundle directory with its rootfs. */
export interface Bundle {
  /** Absolute path of the directory that holds `config.json`. */
  dir: string;
  /** Absolute path of the rootfs. */
  rootfs: string;
}

const APPLETS =
  ("[ ash awk basename cat chmod chown chroot cp cut date dd df dirname dmesg du echo env expr false find free grep " +
    "groups head hostname id ifconfig ip ipcs kill link ln ls mkdir mkfifo mknod mount mountpoint mv nc netstat nproc od ping pgrep " +
    "printenv printf ps pwd readlink realpath rm rmdir route sed seq setsid sh sleep sort stat stty sync tail tar tee test time timeout " +
    "top touch tr true tty umount uname uniq usleep wc wget which whoami xargs").split(" ");

/**
 * Makes a bundle below `parent`: directories, busybox with links to its usual applets, `/etc/passwd` and
 * `/etc/group` with users root (0), daemon (1) and user (1000, home `/home/user`). Takes a few milliseconds.
 *
 * @param parent Directory that exists; the bundle is removed together with it.
 * @param name Name of the bundle's directory.
 */
export function makeBundle(parent: string, name = "bundle"): Bundle {
  const dir = `${parent}/${name}`;
  const rootfs = `${dir}/rootfs`;
  for (const path of ["bin", "dev", "etc", "home/user", "proc", "sys", "root", "var", "run"]) {
    Deno.mkdirSync(`${rootfs}/${path}`, { recursive: true });
  }
  Deno.mkdirSync(`${rootfs}/tmp`);
  Deno.chmodSync(`${rootfs}/tmp`, 0o1777);
  Deno.copyFileSync("/bin/busybox", `${rootfs}/bin/busybox`);
  Deno.chmodSync(`${rootfs}/bin/busybox`, 0o755);
  for (const applet of APPLETS) Deno.symlinkSync("busybox", `${rootfs}/bin/${applet}`);
  const home = "/home/user";
  Deno.writeTextFileSync(
    `${rootfs}/etc/passwd`,
    `root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\nuser:x:1000:1000::${home}:/bin/sh\n`,
  );
  Deno.writeTextFileSync(`${rootfs}/etc/group`, "root:x:0:\ndaemon:x:1:\nuser:x:1000:\n");
  Deno.chownSync(`${rootfs}${home}`, 1000, 1000);
  return { dir, rootfs };
}

/** The capabilities that docker gives by default. */
export const DEFAULT_CAPABILITIES: string[] = [
  ...["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID"],
  ...[
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
  ],
];

/** The mounts of the default config, by name, so that a test can pick from them. */
export const MOUNTS = {
  proc: { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
  dev: {
    destination: "/dev",
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
  },
  devpts: {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
  },
  shm: {
    destination: "/dev/shm",
    type: "tmpfs",
    source: "shm",
    options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
  },
  sysfs: {
    destination: "/sys",
    type: "sysfs",
    source: "sysfs",
    options: ["nosuid", "noexec", "nodev", "ro"],
  },
};

/** Namespaces as `linux.namespaces` wants them, by type. */
export function namespaces(...types: string[]): Dict[] {
  return types.map((type) => ({ type }));
}

/** `process.args` that run a script in the container's shell. */
export function sh(script: string): string[] {
  return ["/bin/sh", "-c", script];
}

/**
 * The default config of the tests (no terminal, root user, docker's capabilities, all common namespaces),
 * merged with `overrides`.
 *
 * @param overrides Merged deeply: objects by key, arrays and scalars replaced, `undefined` removes the key.
 * Where they leave out the UTS namespace, there is no hostname either, which could not be set.
 */
export function config(overrides: Dict = {}): Dict {
  const capabilities = DEFAULT_CAPABILITIES;
  const types = namespaceTypes(overrides);
  const base = {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: sh("true"),
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: true,
    },
    root: { path: "rootfs" },
    ...(types.includes("uts") ? { hostname: "box" } : {}),
    mounts: [MOUNTS.proc, MOUNTS.dev, MOUNTS.devpts, MOUNTS.shm, MOUNTS.sysfs],
    linux: { namespaces: namespaces(...types) },
  };
  return merge(base, overrides) as Dict;
}

/** Merges `over` into `base` without changing either; see {@linkcode config}. */
export function merge(base: unknown, over: unknown): unknown {
  if (!isDict(base) || !isDict(over)) return over;
  const result: Dict = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) delete result[key];
    else result[key] = key in result ? merge(result[key], value) : value;
  }
  return result;
}

function namespaceTypes(overrides: Dict): string[] {
  const linux = isDict(overrides.linux) ? overrides.linux : {};
  if (!Array.isArray(linux.namespaces)) return ["pid", "network", "ipc", "uts", "mount"];
  return linux.namespaces.map((namespace) => namespace?.type);
}

function isDict(value: unknown): value is Dict {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
