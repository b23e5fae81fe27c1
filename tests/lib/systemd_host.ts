/**
 * Hosts with systemd for tests. If systemd is the first process of the machine, the host is the machine
 * itself. Otherwise systemd runs as the first process of namespaces of its own, in a cgroup of its own; it
 * needs nothing else. There are then two hosts: one of cgroup v2 with a bus, and one of v1 without a bus,
 * where tsrun speaks to systemd directly. The v2 host has only controllers that v1 does not hold.
 */
import type { Box } from "./box.ts";
import { contract, type ContractOptions } from "./contract.ts";
import { exists, host, readText, until } from "./process.ts";
import type { Runtime } from "./runtime.ts";
import { lacksCgroupV1, lacksCgroupV2, lacksSystemd } from "./skip.ts";

/** A machine, or the part of one that a runtime sees. */
export class SystemdHost {
  /**
   * @param version Of cgroups.
   * @param within What runs a command there.
   * @param root Where its files are for us.
   */
  constructor(readonly version: 1 | 2, readonly within: readonly string[], private readonly root: string) {}

  /** Text of a file, or "" when there is none. */
  read(path: string): string {
    return readText(this.root + path);
  }

  /** Whether there is a file or directory. */
  has(path: string): boolean {
    return exists(this.root + path);
  }

  /** Runs a program there, which must succeed. */
  run(...argv: string[]): Promise<string> {
    return host(...this.within, ...argv);
  }

  /** Properties of a unit, as `systemctl show` writes them. */
  async properties(unit: string, ...names: string[]): Promise<string[]> {
    const text = await this.run("systemctl", "show", unit, ...names.flatMap((name) => ["--property", name]));
    const lines = text.trim().split("\n").map((line) => line.split("=", 2));
    return names.map((name) => lines.filter(([key]) => key === name).map(([, value]) => value).join(", "));
  }

  /** Names of the units that match, failed ones too. */
  async units(pattern: string): Promise<string[]> {
    const text = await this.run("systemctl", "list-units", "--all", "--plain", "--no-legend", pattern);
    return text.split("\n").filter((line) => line !== "").map((line) => line.split(" ")[0]);
  }

  /** Directory of a unit, in the hierarchy of a controller. */
  directory(controller: string, unit: string): string {
    return `/sys/fs/cgroup/${this.version === 1 ? `${controller}/` : ""}${unit}`;
  }

  /**
   * Part of a process's /proc/PID/cgroup: its path in the hierarchy of a controller, without what is above
   * the host.
   */
  cgroupOf(pid: number, controller: string): string {
    const key = this.version === 1 ? controller : "";
    return new RegExp(`^\\d+:${key}:(?:/${TREE}-\\d+-v\\d)?(.*)$`, "m").exec(this.read(`/proc/${pid}/cgroup`))
      ?.[1] ?? "";
  }
}

const CHECKOUT = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");
const SYSTEMD = "/lib/systemd/systemd";
/** Our cgroup in each hierarchy; the pid of this process and the version follow. */
const TREE = "tsrun-systemd";

/**
 * Below the tree: makes it, starts systemd as process 1, and takes all away again when standard input ends.
 */
const OUTSIDE = `
# What ends a whole group of processes, as a time limit does, leaves this one to clean up: the input ends then.
trap '' HUP INT TERM
version=$1 tree=$2 dirs= init=$3 checkout=$4
for dir in /sys/fs/cgroup/*/; do
  case $dir in */unified/) ;; *) [ $version = 1 ] || continue;; esac
  [ -e "$dir/cgroup.procs" ] && mkdir "$dir$tree" || continue
  for file in cpuset.cpus cpuset.mems; do
    [ -e "$dir$file" ] && cat "$dir$file" >"$dir$tree/$file"
  done
  dirs="$dirs $dir$tree"
done
set -- $dirs
(
  for dir; do sh -c 'echo $PPID' >"$dir/cgroup.procs"; done
  exec unshare --mount --pid --fork --kill-child --cgroup --ipc --uts --propagation private sh -c "$init" sh $version "$checkout"
) </dev/null &
child=$!
# Only when it has its namespaces may it leave what is their root: systemd would have the machine's own cgroups.
until [ "$(readlink /proc/$child/ns/cgroup)" != "$(readlink /proc/self/ns/cgroup)" ]; do
  kill -0 $child || break
  sleep 0.05
done
# The root of a hierarchy that hands controllers down has no process of its own.
for dir; do echo $child >"\${dir%/*}/cgroup.procs"; done
echo $child
read -r line
kill -9 $child
wait
for dir; do
  for try in $(seq 50); do
    find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null
    [ -d "$dir" ] || break
    sleep 0.2
  done
done
`;

/**
 * As the first process of the namespaces: mounts, a target with nothing but a bus in it, then systemd itself.
 *
 * This systemd must not change the machine as a systemd does that boots one. It sees no unit of the machine's
 * (`SYSTEMD_UNIT_PATH`): the units that any service pulls in by default empty /tmp, set sysctls and make
 * devices. It can write to no file outside /tmp, where the tests are, and this checkout.
 */
const INSIDE = `
version=$1 checkout=$2
hierarchies=$(sed -n 's/.* - cgroup [^ ]* rw,\\(.*\\)$/\\1/p' /proc/self/mountinfo)
set -e
for path in /tmp "$checkout"; do mount --bind "$path" "$path"; done
mount -o remount,bind,ro /
mount -o remount,bind,ro /dev
mount -t proc proc /proc
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/dbus /run/proc
# Only who sees all of one procfs may mount one in a user namespace.
mount -t proc proc /run/proc
if [ $version = 2 ]; then
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  # The root of the whole hierarchy, which is the machine's, has no such file.
  [ -e /sys/fs/cgroup/cgroup.events ]
else
  mount -t tmpfs tmpfs /sys/fs/cgroup
  for options in $hierarchies; do
    name=$(echo $options | sed 's/.*name=//')
    mkdir /sys/fs/cgroup/$name
    case $options in *name=*) options=none,name=$name;; esac
    mount -t cgroup -o $options cgroup /sys/fs/cgroup/$name
  done
  # The root of the whole hierarchy has such a file.
  [ ! -e /sys/fs/cgroup/systemd/release_agent ]
fi
cd /run/systemd/system
for unit in test.target sysinit.target basic.target shutdown.target dbus.socket dbus.service; do
  printf '[Unit]\\nDefaultDependencies=no\\n' >$unit
done
if [ $version = 2 ]; then
  echo Requires=dbus.socket >>test.target
  printf '[Socket]\\nListenStream=/run/dbus/system_bus_socket\\n' >>dbus.socket
  printf '[Service]\\nType=notify\\nOOMScoreAdjust=0\\nExecStart=%s --system --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only\\n' $(command -v dbus-daemon) >>dbus.service
fi
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  SYSTEMD_UNIT_PATH=/run/systemd/transient:/run/systemd/system ${SYSTEMD} --system --unit=test.target --log-target=null
`;

/** The hosts, or why there are none. They end when the test file does. */
export async function systemdHosts(): Promise<SystemdHost[] | string> {
  if (lacksSystemd() === undefined) return [new SystemdHost(lacksCgroupV2() === undefined ? 2 : 1, [], "")];
  const missing = [SYSTEMD, "/usr/bin/dbus-daemon", "/usr/bin/nsenter"].find((path) => !exists(path));
  if (missing !== undefined) return `neither is systemd the first process, nor is there ${missing}`;
  if (lacksCgroupV1() !== undefined || !exists("/sys/fs/cgroup/unified/cgroup.procs")) {
    return "needs systemd as the first process, or a host with both versions of cgroups";
  }
  return [await start(2), await start(1)];
}

async function start(version: 1 | 2): Promise<SystemdHost> {
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", OUTSIDE, "sh", String(version), `${TREE}-${Deno.pid}-v${version}`, INSIDE, CHECKOUT],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const reader = child.stdout.getReader();
  const line = new TextDecoder().decode((await reader.read()).value);
  const outer = Number(line);
  const pid = await until("systemd's namespaces", () => {
    const children = readText(`/proc/${outer}/task/${outer}/children`).trim();
    return /^\d+$/.test(children) ? Number(children) : undefined;
  });
  await until("systemd", () => exists(`/proc/${pid}/root/run/systemd/private`), 20_000);
  child.unref();
  globalThis.addEventListener("unload", () => {
    // The shell's standard input ends with its only writer; the shell takes everything away.
    writer.close();
    reader.cancel();
  });
  const within = ["/usr/bin/nsenter", "-t", String(pid), "-m", "-p", "-C", "-i", "-u", "--"];
  return new SystemdHost(version, within, `/proc/${pid}/root`);
}

/** {@linkcode contract} on each of the hosts; the test is told on which. */
export function contractSystemd(
  hosts: SystemdHost[] | string,
  name: string,
  test: (box: Box, on: SystemdHost, runtime: Runtime) => Promise<void>,
  options: ContractOptions = {},
): void {
  if (typeof hosts === "string") {
    return contract(`systemd: ${name}`, () => Promise.resolve(), { ...options, skip: hosts });
  }
  for (const on of hosts) {
    const title = `systemd on cgroup v${on.version}: ${name}`;
    contract(title, (box, runtime) => test(box, on, runtime), { ...options, within: on.within });
  }
}
