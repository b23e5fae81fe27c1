/** Containers with a user namespace: new, joined, and what is different in one. */
import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { DEFAULT_CAPABILITIES, type Dict, MOUNTS, namespaces, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { capabilityBits, PROBE } from "../lib/probe.ts";
import { host, readText } from "../lib/process.ts";
import { COUNT, FIRST, MAPPINGS, shifted, userNamespace } from "../lib/shifted.ts";

/** Runs a script in a container with a user namespace. */
async function output(container: Promise<Container>): Promise<string> {
  return await (await container).output();
}

contract("user namespace: new, with its maps, and root in it", async (box) => {
  const container = await shifted(box);
  const facts = await container.probe({ linux: userNamespace() });
  for (const name of ["user", "pid", "net", "ipc", "uts", "mnt"]) {
    assertNotEquals(facts.ns[name], Deno.readLinkSync(`/proc/self/ns/${name}`), name);
  }
  assertEquals(facts.status.Uid, "0\t0\t0\t0");
  assertEquals(facts.status.Gid, "0\t0\t0\t0");
  assertEquals(facts.status.Groups, "");
  assertEquals(capabilityBits(facts.status.CapEff).length, DEFAULT_CAPABILITIES.length);
  assertEquals(facts.interfaces.lo, "up");
  assertEquals(facts.hostname, "box");
});

contract("user namespace: ids are the host's behind the maps", async (box) => {
  const maps = [
    { containerID: 0, hostID: FIRST, size: 1000 },
    { containerID: 1000, hostID: 2 * FIRST, size: 10 },
    { containerID: COUNT - 2, hostID: 3 * FIRST, size: 2 },
  ];
  const script = "cat /proc/self/uid_map /proc/self/gid_map; touch /tmp/a; chown 1005:65534 /tmp/a";
  const linux = { uidMappings: maps, gidMappings: maps };
  const container = await shifted(box, { process: { args: sh(script) }, linux });
  const lines = (await container.output()).trim().split("\n").map((line) =>
    line.trim().split(/\s+/).map(Number)
  );
  const expected = maps.map(({ containerID, hostID, size }) => [containerID, hostID, size]);
  assertEquals(lines, [...expected, ...expected]);
  const { uid, gid } = Deno.lstatSync(container.path("/tmp/a"));
  assertEquals([uid, gid], [2 * FIRST + 5, 3 * FIRST]);
});

contract("user namespace: another user, its groups, and its standard streams", async (box) => {
  const user = { uid: 1000, gid: 1001, additionalGids: [5, 2000] };
  const script =
    "id; grep Groups /proc/self/status; echo reopened >>/dev/stdout; stat -c '%u' /proc/self/fd/1";
  const container = await shifted(box, { process: { args: sh(script), user } });
  const text = await container.completed();
  assertMatch(text, /^uid=1000\(user\) gid=1001 groups=5,2000\nGroups:\t5 2000 \nreopened\n1000\n/);
  assertEquals(Deno.statSync(`${box.dir}/${container.id}.out`).uid, FIRST + 1000);
}, { notOnReference: "runc's init may not give away what belongs to the host's root" });

contract("user namespace: the other namespaces are its own", async (box) => {
  const all = [...DEFAULT_CAPABILITIES, "CAP_SYS_ADMIN", "CAP_NET_ADMIN"];
  const capabilities = { bounding: all, effective: all, permitted: all };
  const script = "hostname other; hostname; ip link set lo down && echo link; " +
    "mount -t tmpfs none /tmp && echo mounted; mount -o remount,rw,bind /proc/sys 2>/dev/null && echo writable; " +
    "stat -c '%u %a' /dev/shm /dev/pts /dev/mqueue";
  const mqueue = { destination: "/dev/mqueue", type: "mqueue", source: "mqueue" };
  const mounts = [MOUNTS.proc, MOUNTS.dev, MOUNTS.devpts, MOUNTS.shm, mqueue];
  const container = await shifted(box, { process: { args: sh(script), capabilities }, mounts });
  assertEquals(await container.output(), "other\nlink\nmounted\n0 1777\n0 755\n0 1777\n");
});

contract("user namespace: root of it is nobody on the host", async (box) => {
  const own = `${box.dir}/own`;
  Deno.writeTextFileSync(own, "secret");
  Deno.chmodSync(own, 0o600);
  const mounts = [...Object.values(MOUNTS), { destination: "/own", source: own, options: ["bind"] }];
  const all = [
    ...DEFAULT_CAPABILITIES,
    "CAP_SYS_ADMIN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_SYS_TIME",
  ];
  const capabilities = { bounding: all, effective: all, permitted: all };
  const script = "cat /own; chown 0 /own; echo x >/own; mknod /tmp/null c 1 3; date -s 2000-01-01; " +
    "echo 1 >/proc/sys/kernel/panic; stat -c '%u:%g' /own; echo done";
  const container = await shifted(box, { process: { args: sh(`${script} 2>&1`), capabilities }, mounts });
  const text = (await container.run()).stdout + container.stderr();
  assertEquals(text.match(/(?:Permission denied|not permitted)\n/g)?.length, 6, text);
  assertMatch(text, /65534:65534\n/);
  assertEquals(readText(own), "secret");
});

contract("user namespace: devices are the host's, bound", async (box) => {
  const { rdev } = Deno.statSync("/dev/kmsg");
  assertEquals(rdev, (1 << 8) + 11);
  const devices = [
    { path: "/dev/kmsg", type: "c", major: 1, minor: 11, fileMode: 0o600, uid: 7 },
    { path: "/dev/deep/pipe", type: "p", fileMode: 0o640 },
  ];
  const script =
    "cd /dev; stat -c '%n %F %t:%T' null zero full random urandom tty kmsg; stat -c '%n %F %u' deep/pipe; " +
    "echo x >null; head -c 3 zero | wc -c; readlink ptmx; readlink fd";
  const lines = (await output(shifted(box, { process: { args: sh(script) }, linux: { devices } }))).trim();
  assertEquals(lines.split("\n"), [
    "null character special file 1:3",
    "zero character special file 1:5",
    "full character special file 1:7",
    "random character special file 1:8",
    "urandom character special file 1:9",
    "tty character special file 5:0",
    "kmsg character special file 1:b",
    "deep/pipe fifo 0",
    "3",
    "pts/ptmx",
    "/proc/self/fd",
  ]);
  assertEquals(Deno.statSync("/dev/kmsg").uid, 0);
}, { notOnReference: "runc binds pipes too, from the host" });

contract("user namespace: a device that the host does not have", async (box) => {
  for (
    const device of [{ path: "/dev/none", major: 1, minor: 3 }, { path: "/dev/null", major: 1, minor: 5 }]
  ) {
    const container = await shifted(box, { linux: { devices: [{ type: "c", ...device }] } });
    assertError(
      await container.run(),
      /create device node "\/dev\/n[a-z]+": .*(no such file|another device)/,
    );
  }
}, { notOnReference: "runc binds whatever is there" });

contract("user namespace: masked and read-only paths, read-only root, sysctls", async (box) => {
  const overrides = {
    root: { path: "rootfs", readonly: true },
    linux: {
      maskedPaths: ["/proc/keys", "/proc/acpi", "/sys/firmware"],
      readonlyPaths: ["/proc/sys", "/proc/irq"],
      sysctl: { "kernel.msgmax": "8000", "net.ipv4.ip_unprivileged_port_start": "7" },
    },
  };
  const script = "wc -c </proc/keys; ls /sys/firmware | wc -l; cat /proc/sys/kernel/msgmax; " +
    "cat /proc/sys/net/ipv4/ip_unprivileged_port_start; echo 1 >/proc/sys/kernel/msgmax; touch /x; true";
  const container = await shifted(box, { ...overrides, process: { args: sh(script) } });
  assertEquals(await container.output(), "0\n0\n8000\n7\n");
  assertMatch(container.stderr(), /msgmax: Read-only file system[^]*\/x: Read-only file system/);
});

contract("user namespace: limits, oom_score_adj, no-new-privileges and a filter", async (box) => {
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 2 }],
  };
  for (const noNewPrivileges of [true, false]) {
    for (const uid of [0, 1000]) {
      const process = {
        args: sh(
          "ulimit -n; cat /proc/self/oom_score_adj; grep -E '^(Seccomp|NoNew|CapEff)' /proc/self/status",
        ),
        rlimits: [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }],
        oomScoreAdj: 77,
        user: { uid, gid: uid },
        noNewPrivileges,
      };
      const text = await output(shifted(box, { process, linux: { seccomp } }));
      assertMatch(text, /^100\n77\n/);
      assertMatch(text, /Seccomp:\s2/);
      assertMatch(text, new RegExp(`NoNewPrivs:\\s${Number(noNewPrivileges)}`));
    }
  }
});

contract("user namespace: hooks", async (box) => {
  const log = `${box.dir}/hooks`;
  Deno.writeTextFileSync(log, "");
  Deno.chmodSync(log, 0o666);
  const hook = (name: string) => ({
    path: "/bin/sh",
    args: ["sh", "-c", `echo ${name} $(id -u) $(awk '{print $2}' /proc/self/uid_map) >>${log}`],
    env: ["PATH=/bin:/usr/bin"],
  });
  const inside = { path: "/bin/sh", args: ["sh", "-c", "echo start $(id -u) >/tmp/started"] };
  const hooks = {
    prestart: [hook("prestart")],
    createRuntime: [hook("createRuntime")],
    createContainer: [hook("createContainer")],
    startContainer: [inside],
    poststart: [hook("poststart")],
    poststop: [hook("poststop")],
  };
  const container = await shifted(box, { hooks, process: { args: sh("cat /tmp/started") } });
  assertEquals(await container.output(), "start 0\n");
  assertEquals(readText(log).trim().split("\n"), [
    "prestart 0 0",
    "createRuntime 0 0",
    `createContainer 0 ${FIRST}`,
    "poststart 0 0",
    "poststop 0 0",
  ]);
});

contract("user namespace: joined by path, as the containers of a pod", async (box) => {
  const pause = await (await shifted(box, { process: { args: ["sleep", "1000"] } })).started();
  const pid = await pause.pid();
  const joined = [["user", "user"], ["network", "net"], ["ipc", "ipc"], ["uts", "uts"]]
    .map(([type, link]) => ({ type, path: `/proc/${pid}/ns/${link}` }));
  for (const maps of [{}, { uidMappings: MAPPINGS, gidMappings: MAPPINGS }]) {
    const linux = { namespaces: [...joined, { type: "mount" }, { type: "pid" }], ...maps };
    const member = box.sibling(pause, { hostname: undefined, linux });
    const facts = await member.probe({
      hostname: undefined,
      root: { path: pause.bundle.rootfs },
      linux,
    });
    for (const { path } of joined) {
      assertEquals(facts.ns[path.slice(path.lastIndexOf("/") + 1)], Deno.readLinkSync(path));
    }
    assertEquals(facts.status.Uid, "0\t0\t0\t0");
    assertEquals(facts.hostname, "box");
  }
}, { notOnReference: "runc 1.1.5 takes either a path or maps" });

contract("user namespace: joined with other maps than its own", async (box) => {
  const pause = await (await shifted(box, { process: { args: ["sleep", "1000"] } })).started();
  const path = `/proc/${await pause.pid()}/ns/user`;
  const list = [{ type: "user", path }, ...namespaces("mount", "pid", "network", "uts", "ipc")];
  const maps = [{ containerID: 0, hostID: FIRST, size: 5 }];
  const container = box.sibling(pause, {
    linux: { namespaces: list, uidMappings: maps, gidMappings: maps },
  });
  assertError(await container.run(), /both namespace path and non-matching mapping specified/);
  const other = box.sibling(pause, {
    process: { user: { uid: 70_000, gid: 0 } },
    linux: { namespaces: list },
  });
  assertError(await other.run(), /cannot setuid to unmapped uid 70000 in user namespace/);
}, { notOnReference: "runc 1.1.5 takes either a path or maps" });

contract("user namespace: a path that is none of one, or the runtime's own", async (box) => {
  for (const path of ["/proc/self/ns/net", "/proc/self/ns/user"]) {
    const list = [{ type: "user", path }, ...namespaces("mount", "pid", "network", "uts", "ipc")];
    const container = await shifted(box, { linux: { namespaces: list } });
    container.configure({ linux: { namespaces: list } });
    assertError(
      await container.run(),
      /join the user namespace "\/proc\/self\/ns\/(net|user)".*invalid argument/,
    );
  }
}, { notOnReference: "runc has other words" });

contract("user namespace: what is wrong with it is said before anything is made", async (box) => {
  const cases: [Dict, RegExp][] = [
    [
      { linux: { uidMappings: MAPPINGS } },
      /user namespace mappings specified, but user namespace isn't enabled/,
    ],
    [
      { linux: { namespaces: namespaces("mount", "uts", "user") } },
      /no namespace path to join nor mappings to apply/,
    ],
    [
      { process: { user: { uid: 70_000, gid: 0 } }, linux: userNamespace() },
      /linux.uidMappings: cannot setuid to unmapped uid 70000 in user namespace/,
    ],
    [
      { process: { user: { uid: 0, gid: 70_000 } }, linux: userNamespace() },
      /linux.gidMappings: cannot setgid to unmapped gid 70000 in user namespace/,
    ],
    [
      { process: { user: { uid: 0, gid: 0, additionalGids: [4, 70_000] } }, linux: userNamespace() },
      /linux.gidMappings: cannot setgid to unmapped gid 70000 in user namespace/,
    ],
    [
      { linux: userNamespace({ uidMappings: [...MAPPINGS, { containerID: 9, hostID: 1, size: 1 }] }) },
      /linux.uidMappings: ranges overlap/,
    ],
    [
      { linux: userNamespace({ gidMappings: [{ containerID: 0, hostID: FIRST, size: 1 }] }) },
      /mounts\[2\].options: "gid=5": 5 is not mapped/,
    ],
  ];
  for (const [overrides, pattern] of cases) {
    assertError(await box.container(overrides).run(), pattern);
  }
  await box.assertNothingLeft();
}, { notOnReference: "runc has other words" });

contract("user namespace: nothing is left when create fails or is killed", async (box) => {
  const container = await shifted(box, { process: { args: ["/none"] } });
  assertError(await container.create(), /executable file not found|no such file/);
  await box.assertNothingLeft();
  const running = await (await shifted(box, { process: { args: ["sleep", "1000"] } })).started();
  assertOk(await running.delete("--force"));
  await box.assertNothingLeft();
});

contract("user namespace: the container that waits shows nothing of tsrun", async (box) => {
  const container = await (await shifted(box, { process: { args: PROBE } })).created();
  const pid = await container.pid();
  // Its files in /proc are the host's root's, not those of a user whose other processes might look into it.
  assertEquals(Deno.lstatSync(`/proc/${pid}/mem`).uid, 0);
  await host(
    "/bin/sh",
    "-c",
    `! setpriv --reuid ${FIRST} --regid ${FIRST} --clear-groups cat /proc/${pid}/environ`,
  );
  assertOk(await container.start());
  await container.wait("stopped");
});
