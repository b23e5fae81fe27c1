/**
 * Flags of docker that few use, by what they do in a container: under tsrun as under runc. Several stand in
 * one command, as each command costs a second or two.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { exists, until } from "../lib/process.ts";
import { runCases, testClient } from "./client.ts";
import { type Case, Docker, dockerMissing, RUNTIMES } from "./docker.ts";

/** Mounts below /v, with their options and propagation; numbers of peer groups are left out. */
const MOUNTS = "grep -oE ' /v[a-z]* .* - ' /proc/self/mountinfo | sed 's/:[0-9]*/:N/' | sort";

/** What a refused command says, without what differs from run to run. */
function complaint(stderr: string): string {
  const lines = stderr.replace(/[0-9a-f]{64}/g, "ID").split("\n");
  return lines.find((line) => line.startsWith("docker: ")) ?? stderr;
}

/** Runs a command that is refused, under both runtimes. @returns tsrun's status, and its line. */
async function refused(docker: Docker, ...flags: string[]): Promise<[number, string]> {
  const results = [];
  for (const runtime of RUNTIMES) results.push(await docker.container(runtime, ...flags));
  const [ours, theirs] = results;
  assertEquals(ours.code, theirs.code, `${flags.join(" ")}: tsrun: ${ours.stderr}; runc: ${theirs.stderr}`);
  assert(ours.code !== 0, flags.join(" "));
  return [ours.code, complaint(ours.stderr)];
}

/** What is seen under both runtimes, one after the other: names are not in each other's way. */
async function alike<T>(look: (runtime: typeof RUNTIMES[number]) => Promise<T>): Promise<T> {
  const ours = await look("tsrun");
  assertEquals(ours, await look("runc"), "tsrun, then runc");
  return ours;
}

const CASES: Record<string, Case> = {
  "-v: propagation, labels, options": async (docker) => {
    const dir = `${docker.daemons.dir}/flags`;
    Deno.mkdirSync(dir);
    const options = { a: "private", b: "rprivate", c: "ro,private", d: "z", e: "Z", f: "ro,z", g: "rw" };
    const flags = Object.entries(options).flatMap(([name, option]) => ["-v", `${dir}:/v${name}:${option}`]);
    flags.push("--mount", `type=bind,src=${dir},dst=/vh,bind-nonrecursive=true`);
    flags.push(
      "-v",
      "/vi",
      "--tmpfs",
      "/vj:rw,size=64k,mode=700,uid=7,exec",
      "--tmpfs",
      "/vk:ro,noexec,nosuid",
    );
    const script = `${MOUNTS}; stat -c '%a %u' /vj; touch /vc/x 2>&1; touch /vk/x 2>&1`;
    const { stdout } = await docker.both(...flags, "box", "sh", "-c", script);
    assertMatch(
      stdout,
      /700 7\ntouch: \/vc\/x: Read-only file system\ntouch: \/vk\/x: Read-only file system\n/,
    );
  },

  "--security-opt: a profile, none, labels, AppArmor, privileges": async (docker) => {
    const profile = `${docker.daemons.dir}/profile.json`;
    const syscalls = [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 95 }];
    Deno.writeTextFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls }));
    const script =
      "grep -E '^(Seccomp:|NoNewPrivs|CapEff)' /proc/self/status; mkdir /tmp/x 2>&1; ls /proc/acpi 2>&1";
    const all = ["apparmor=unconfined", "label=disable", "no-new-privileges:false"];
    for (const more of [`seccomp=${profile}`, "seccomp=unconfined", "no-new-privileges"]) {
      const flags = [...all, more].flatMap((option) => ["--security-opt", option]);
      const { stdout } = await docker.both(...flags, "box", "sh", "-c", script);
      assertEquals(/not supported/i.test(stdout), more.endsWith(".json"), stdout);
    }
  },

  "names, groups, hosts, limits, devices, signals, sysctls": async (docker) => {
    const flags = [
      ...["--group-add", "7", "--group-add", "daemon", "--domainname", "example.org", "--hostname", "name"],
      ...[
        "--add-host",
        "other:192.0.2.7",
        "--dns",
        "192.0.2.8",
        "--ulimit",
        "nofile=77:88",
        "--ulimit",
        "core=0",
      ],
      ...["--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.msgmax=9999", "--oom-score-adj", "77"],
      ...[
        "--device-cgroup-rule",
        "c 10:200 rw",
        "--cpuset-cpus",
        "0",
        "--cpu-shares",
        "77",
        "--stop-signal",
        "INT",
      ],
      ...[
        "--memory-swappiness",
        "7",
        "-m",
        "32m",
        "--memory-reservation",
        "16m",
        "--shm-size",
        "1m",
        "--tty=false",
      ],
      ...["--read-only", "--label", "a=b", "--env", "X=y z", "--workdir", "/made/here", "--no-healthcheck"],
    ];
    const script = [
      "id; hostname; cat /proc/sys/kernel/domainname; grep other /etc/hosts; grep 192 /etc/resolv.conf",
      "grep -E 'open files|core file' /proc/self/limits",
      "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax",
      "cat /proc/self/oom_score_adj; grep Cpus_allowed_list /proc/self/status; echo $X; pwd; touch /x 2>&1",
      "df -k /dev/shm | tail -1 | grep -o ' 1024 '; cat /sys/fs/cgroup/devices/devices.list | sort",
      "cat /sys/fs/cgroup/memory/memory.swappiness /sys/fs/cgroup/memory/memory.soft_limit_in_bytes",
    ];
    const { code, stdout } = await docker.both(...flags, "box", "sh", "-c", `${script.join("; ")}; true`);
    assertEquals(code, 0);
    assertMatch(stdout, /groups=[^\n]*7[^]*9999\n77\n/);
  },

  "what is refused: by the daemon, or by the runtime with a line that says why": async (docker) => {
    const sysctl = await refused(docker, "--sysctl", "kernel.no_such_thing=1", "box", "true");
    assertMatch(sysctl[1], /kernel[./]no_such_thing/);
    assertMatch((await refused(docker, "--gpus", "all", "box", "true"))[1], /could not select device driver/);
    assertMatch((await refused(docker, "--pid", "container:none", "box", "true"))[1], /[Nn]o such container/);
    assertMatch((await refused(docker, "-w", "/bin/sh/below", "box", "true"))[1], /not a directory/);
    assertMatch((await refused(docker, "--user", "nobody-here", "box", "true"))[1], /unable to find user/);
    assertMatch((await refused(docker, "-v", "/bin:/bin/sh", "box", "true"))[1], /not a directory/);
  },

  "commit, diff, export, rename, wait of a container that runs": (docker) =>
    alike(async (runtime) => {
      const id = await docker.detached(
        runtime,
        "box",
        "sh",
        "-c",
        "trap 'exit 4' TERM; echo new >/file; while :; do sleep .1; done",
      );
      const written = async () => (await docker.run("exec", id, "cat", "/file")).stdout === "new\n";
      await until("the file", written, 20_000);
      // The container is paused for as long as it takes.
      await docker.ok("commit", id, `committed-${runtime}`);
      const status = await docker.ok("inspect", "-f", "{{.State.Status}}", id);
      const diff = (await docker.ok("diff", id)).split("\n").filter((line) => line.endsWith("/file"));
      const archive = `${docker.daemons.dir}/export-${runtime}.tar`;
      await docker.ok("export", "-o", archive, id);
      await docker.ok("rename", id, `renamed-${runtime}`);
      const waiting = docker.ok("wait", id);
      await docker.ok("kill", "--signal", "TERM", `renamed-${runtime}`);
      const code = await waiting;
      const again = await docker.container(runtime, `committed-${runtime}`, "cat", "/file");
      await docker.ok("rm", "-f", id);
      await docker.ok("rmi", `committed-${runtime}`);
      assert(exists(archive));
      return [status, diff, code, again.stdout];
    }),

  "a group of services that share a volume, a network and a name, as compose makes them": (docker) =>
    alike(async (runtime) => {
      const names = ["store", "web", "ask"].map((name) => `${name}-${runtime}`), [store, web, ask] = names;
      const volume = ["-v", `group-${runtime}:/data`];
      const waits = "trap 'exit 0' TERM; while :; do sleep .1; done";
      await docker.ok(
        "run",
        "-d",
        "--runtime",
        runtime,
        "--name",
        store,
        "--ipc",
        "shareable",
        ...volume,
        "box",
        "sh",
        "-c",
        `echo stored >/data/file; ${waits}`,
      );
      const joined = [
        "--network",
        `container:${store}`,
        "--ipc",
        `container:${store}`,
        "--pid",
        `container:${store}`,
      ];
      // The second serves on the first one's network, and the third asks it there.
      await docker.ok(
        "run",
        "-d",
        "--runtime",
        runtime,
        "--name",
        web,
        ...joined,
        ...volume,
        "--read-only",
        "box",
        "busybox",
        "httpd",
        "-f",
        "-p",
        "8080",
        "-h",
        "/data",
      );
      const script =
        "until wget -q -O - http://127.0.0.1:8080/file; do sleep .1; done; ps -o args | grep -c '[h]ttpd'";
      const { stdout } = await docker.container(runtime, "--name", ask, ...joined, "box", "sh", "-c", script);
      await docker.ok("stop", "-t", "20", web, store);
      const codes = await docker.ok("inspect", "-f", "{{.State.ExitCode}}", store);
      await docker.ok("rm", web, store);
      await docker.ok("volume", "rm", `group-${runtime}`);
      return [stdout, codes];
    }),
};

testClient(
  "docker: flags that few use",
  dockerMissing(),
  () => Docker.start(),
  (docker, t) => runCases(t, docker, CASES),
);
