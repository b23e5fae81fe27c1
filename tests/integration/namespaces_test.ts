/** `linux.namespaces`: new, inherited, and joined by path; hostname and domainname. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type Dict, namespaces, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { PROBE } from "../lib/probe.ts";
import { exists, host, until } from "../lib/process.ts";

/** Name in the spec → name under `/proc/<pid>/ns`. */
const LINKS = { pid: "pid", network: "net", ipc: "ipc", uts: "uts", mount: "mnt", cgroup: "cgroup" } as const;
type Type = keyof typeof LINKS;
const ALL = Object.keys(LINKS) as Type[];

/**
 * The mounts that a container without some namespaces can have: sysfs needs a network namespace of its own.
 */
const MOUNTS = [{ destination: "/proc", type: "proc", source: "proc" }];

const hostNamespace = (type: Type) => Deno.readLinkSync(`/proc/self/ns/${LINKS[type]}`);

contract("namespaces: new ones of every type", async (box) => {
  const facts = await box.container().probe({ linux: { namespaces: namespaces(...ALL) } });
  for (const type of ALL) assertNotEquals(facts.ns[LINKS[type]], hostNamespace(type), type);
  assertEquals(facts.ns.user, Deno.readLinkSync("/proc/self/ns/user"));
});

contract("namespaces: those that are not listed are the caller's", async (box) => {
  for (const type of ALL.filter((type) => type !== "mount")) {
    const listed = ALL.filter((other) => other !== type);
    const facts = await box.container().probe({
      mounts: MOUNTS,
      linux: { namespaces: namespaces(...listed) },
    });
    assertEquals(facts.ns[LINKS[type]], hostNamespace(type), type);
    for (const other of listed) {
      assertNotEquals(facts.ns[LINKS[other]], hostNamespace(other), `${other} beside ${type}`);
    }
  }
});

contract("namespaces: each joined by path", async (box) => {
  const target = await box.container({
    process: { args: ["/bin/sleep", "1000"] },
    linux: { namespaces: namespaces(...ALL) },
  }).started();
  const pid = await target.pid();
  for (const type of ALL.filter((type) => type !== "mount")) {
    const path = `/proc/${pid}/ns/${LINKS[type]}`;
    const list: Dict[] = [{ type, path }, ...namespaces(...ALL.filter((other) => other !== type))];
    const overrides = { mounts: MOUNTS, hostname: undefined, linux: { namespaces: list } };
    const facts = await box.sibling(target).probe(siblingOf(target, overrides));
    assertEquals(facts.ns[LINKS[type]], Deno.readLinkSync(path), type);
    for (const other of ALL.filter((other) => other !== type)) {
      const link = Deno.readLinkSync(`/proc/${pid}/ns/${LINKS[other]}`);
      assertNotEquals(facts.ns[LINKS[other]], link, `${other} was joined beside ${type}`);
    }
  }
});

contract("namespaces: all joined together, as the containers of a pod", async (box) => {
  const target = await box.container({ process: { args: ["/bin/sleep", "1000"] } }).started();
  const pid = await target.pid();
  const joined = (["pid", "network", "ipc", "uts"] as const).map((type) => ({
    type,
    path: `/proc/${pid}/ns/${LINKS[type]}`,
  }));
  const overrides = { hostname: undefined, linux: { namespaces: [...joined, { type: "mount" }] } };
  const facts = await box.sibling(target).probe(siblingOf(target, overrides));
  for (const { type, path } of joined) assertEquals(facts.ns[LINKS[type]], Deno.readLinkSync(path), type);
  assertEquals(facts.hostname, "box");
  assertNotEquals(facts.status.NSpid, "1");
});

contract("namespaces: a path outside /proc, as ip-netns makes it", async (box) => {
  const path = `${box.dir}/netns`;
  Deno.writeTextFileSync(path, "");
  await host("unshare", `--net=${path}`, "ip", "link", "add", "probe0", "type", "bridge");
  try {
    const list = [{ type: "network", path }, ...namespaces("pid", "ipc", "uts", "mount")];
    const facts = await box.container().probe({ linux: { namespaces: list } });
    assert("probe0" in facts.interfaces, JSON.stringify(facts.interfaces));
  } finally {
    await host("umount", path);
  }
});

contract(
  "namespaces: the name of a joined one can be unmounted and removed while a container is in it",
  async (box) => {
    const path = `${box.dir}/netns`;
    Deno.writeTextFileSync(path, "");
    const list = [{ type: "network", path }, ...namespaces("pid", "ipc", "uts", "mount")];
    const container = box.container({
      process: { args: ["/bin/sleep", "1000"] },
      // What the host mounts and unmounts reaches the container, as on a node of Kubernetes.
      linux: { namespaces: list, rootfsPropagation: "rslave" },
    });
    const runtime = `${box.runtime.path} --root ${box.root}`;
    const script = [
      "mount --make-rshared /",
      `unshare --net=${path} true`,
      `${runtime} create --bundle ${container.bundle.dir} ${container.id} >${box.dir}/log 2>&1`,
      `${runtime} start ${container.id}`,
      // unlink(2) ends in EBUSY where the caller's mount namespace has a mount there.
      `umount ${path}`,
      `rm ${path}`,
      `${runtime} state ${container.id}`,
    ];
    const unshared = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script.join("\n")];
    const { stdout } = assertOk(await box.command(unshared));
    assertEquals([JSON.parse(stdout).status, exists(path)], ["running", false]);
  },
);

contract(
  "namespaces: a mount namespace joined by path, where the container's mounts are made",
  async (box) => {
    const marked = `${box.dir}/marked`;
    Deno.mkdirSync(marked);
    const script = `mount -t tmpfs tmpfs ${marked} && echo joined >${marked}/file && exec sleep 1000`;
    const holder = new Deno.Command("unshare", {
      args: ["--mount", "--propagation", "private", "sh", "-c", script],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      const path = `/proc/${holder.pid}/ns/mnt`;
      await until("the mount", () => exists(`/proc/${holder.pid}/root${marked}/file`));
      const bind = { destination: "/marked", type: "none", source: marked, options: ["bind"] };
      const list = [{ type: "mount", path }, ...namespaces("pid", "ipc", "uts", "network")];
      const container = box.container({
        process: { args: sh("readlink /proc/self/ns/mnt; cat /marked/file") },
        mounts: [...MOUNTS, bind],
        linux: { namespaces: list },
      });
      const link = Deno.readLinkSync(path);
      assertEquals(await container.output(), `${link}\njoined\n`);
      assert(!exists(`${marked}/file`), "mounted outside of the namespace");
    } finally {
      holder.kill("SIGKILL");
      await holder.status;
    }
  },
);

contract("namespaces: the loopback interface of a new network namespace is up", async (box) => {
  const { interfaces } = await box.container().probe();
  assertEquals(interfaces.lo, "up");
  assert(!("eth0" in interfaces), "the host's interfaces are visible");
});

contract("namespaces: the process is number 1 of a new PID namespace, and alone", async (box) => {
  // The shell looks itself: it cannot be told how far the programs of a pipe have got.
  const container = box.container({ process: { args: sh("echo $$; cd /proc; echo [0-9]*") } });
  assertEquals(await container.output(), "1\n1\n");
});

contract("namespaces: without a new PID namespace the host's processes are there", async (box) => {
  const container = box.container({
    process: { args: ["/bin/sleep", "1000"] },
    mounts: MOUNTS,
    linux: { namespaces: namespaces("mount", "uts", "ipc", "network") },
  });
  await container.started();
  assertOk(await container.kill("TERM"));
  await container.wait("stopped");
});

contract("namespaces: what cannot be joined is an error that names the path", async (box) => {
  const join = (type: Type, path: string) => {
    const rest = namespaces(...ALL.filter((other) => other !== type));
    return box.container({ hostname: undefined, linux: { namespaces: [{ type, path }, ...rest] } }).create();
  };
  assertError(await join("network", `${box.dir}/none`), new RegExp(`${box.dir}/none`));
  assertEquals((await join("network", "/proc/self/ns/uts")).code, 1);
  assertEquals((await join("ipc", "/etc/passwd")).code, 1);
  await box.assertNothingLeft();
});

contract("namespaces: one type twice is an error", async (box) => {
  const result = await box.container({ linux: { namespaces: namespaces("pid", "mount", "uts", "pid") } })
    .create();
  assertError(result, /malformed spec file: duplicated ns/);
  await box.assertNothingLeft();
});

contract("namespaces: an unknown type is an error", async (box) => {
  const result = await box.container({ linux: { namespaces: namespaces("mount", "uts", "nonsense") } })
    .create();
  assertError(result, /nonsense/);
  await box.assertNothingLeft();
});

contract("namespaces: they go when the container goes, unless another one holds them", async (box) => {
  const target = await box.container({ process: { args: ["/bin/sleep", "1000"] } }).started();
  const path = `/proc/${await target.pid()}/ns/uts`;
  const list = [{ type: "uts", path }, ...namespaces("mount", "pid", "ipc", "network")];
  const script = "echo ready; read go </go; hostname";
  const other = box.container();
  await host("mkfifo", other.path("/go"));
  other.configure({ hostname: undefined, process: { args: sh(script) }, linux: { namespaces: list } });
  await other.started();
  await until("ready", () => other.stdout() === "ready\n");
  assertOk(await target.delete("--force"));
  Deno.writeTextFileSync(other.path("/go"), "\n");
  await other.wait("stopped");
  assertEquals(other.stdout(), "ready\nbox\n");
});

contract("hostname: set in the new UTS namespace only", async (box) => {
  const before = Deno.hostname();
  const facts = await box.container().probe({ hostname: "a-name.of-tests" });
  assertEquals(facts.hostname, "a-name.of-tests");
  assertEquals(Deno.hostname(), before);
});

contract("hostname: an error without a UTS namespace of its own", async (box) => {
  const result = await box.container({ hostname: "x", linux: { namespaces: namespaces("mount", "pid") } })
    .create();
  assertError(result, /unable to set hostname without a private UTS namespace/);
  await box.assertNothingLeft();
});

contract("domainname: set in the new UTS namespace", async (box) => {
  assertEquals((await box.container().probe({ domainname: "tests.example" })).domainname, "tests.example");
  const result = await box.container({ domainname: "x", linux: { namespaces: namespaces("mount") } })
    .create();
  assertError(result, /unable to set domainname without a private UTS namespace/);
}, { notOnReference: "domainname came with runc 1.2" });

/** Overrides for a container that uses the rootfs of another one. */
function siblingOf(container: Container, overrides: Dict): Dict {
  return { root: { path: container.bundle.rootfs }, process: { args: PROBE }, ...overrides };
}
