/**
 * A host whose `/` is covered by another mount, and a runtime in a chroot: the container's root is the only
 * one.
 */
import { assertEquals } from "@std/assert";
import { type Dict, MOUNTS, namespaces, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { parseMountinfo } from "../lib/mountinfo.ts";
import { host } from "../lib/process.ts";
import { asUser, missingForRootless, RootlessContainer } from "../lib/rootless.ts";

/** A host of its own, on which a script has run. */
function within(script: string): string[] {
  const run = `${script} && exec "$@"`;
  return ["/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", run, "sh"];
}

/** How the host's `/` is covered, and how the runtime comes to be there. */
const HOSTS: Record<string, string> = {
  "a copy of /": "mount --rbind / /",
  "several copies of /": "mount --rbind / / && mount --bind / / && mount --rbind / /",
  "an empty filesystem": "mount -t tmpfs none /",
  "a copy of / that is shared": "mount --make-rshared / && mount --rbind / /",
};

/** Goes on at the topmost mount on the root. */
const ON_TOP = "nsenter --mount=/proc/self/ns/mnt";
/** The runtime's own root is on top of other mounts, as after systemd has moved the root of a service. */
const STACKED: Record<string, string> = {
  "copies of / below the runtime's":
    `mount --rbind / / && set -- ${ON_TOP} /bin/sh -c 'mount --rbind / / && exec ${ON_TOP} "$@"' sh "$@"`,
  "/ below a root that was moved there":
    'mount --rbind / /mnt && cd /mnt && mount --move . / && set -- chroot . "$@"',
  "/ below a root that another copy covers":
    `mount --rbind / / && set -- ${ON_TOP} /bin/sh -c 'mount --rbind / / && exec "$@"' sh "$@"`,
};

const ENTRIES = "bin\ndev\netc\nhome\nproc\nroot\nrun\nsys\ntmp\nvar\n";
const USER: Dict = {
  linux: {
    namespaces: namespaces("pid", "network", "ipc", "uts", "mount", "user"),
    uidMappings: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
    gidMappings: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
  },
};

/** Every view of the root: that of the process itself, and that of a process that joins. */
async function assertOwnRoot(container: Container, mounts: number): Promise<void> {
  const { box, id } = container;
  assertEquals(assertOk(await box.cli(["exec", id, "/bin/ls", "/"])).stdout, ENTRIES);
  const info = assertOk(await box.cli(["exec", id, "/bin/cat", "/proc/self/mountinfo"])).stdout;
  assertEquals(parseMountinfo(info).filter(({ target }) => target === "/").length, 1, info);
  assertEquals(parseMountinfo(info).length, mounts, info);
  const pid = String(await container.pid());
  assertEquals(await host("nsenter", "-t", pid, "-m", "/bin/ls", "/"), ENTRIES);
}

for (const [name, script] of Object.entries(HOSTS)) {
  for (const [kind, overrides, mounts] of [["", {}, 6], [", with a user namespace", USER, 12]] as const) {
    for (const flag of ["", "--no-pivot"]) {
      contract(`covered root: by ${name}${kind} ${flag}`, async (box) => {
        const container = box.container({ ...overrides, process: { args: sh("sleep 1000") } });
        Deno.chmodSync(box.dir, 0o755);
        assertOk(await container.run({ flags: ["-d", ...(flag ? [flag] : [])] }));
        await assertOwnRoot(container, mounts);
      }, {
        within: within(script),
        notOnReference:
          "runc leaves the host's root in the container's mount namespace, and refuses user namespaces",
      });
    }
  }
}

for (const [name, script] of Object.entries({ "/ of the host": "true", ...STACKED })) {
  for (const flag of ["", "--no-pivot"]) {
    contract(
      `covered root: a container that unmounts its root does not find ${name} ${flag}`,
      async (box) => {
        const container = box.container({ process: { args: sh("sleep 1000") } });
        assertOk(await container.run({ flags: ["-d", ...(flag ? [flag] : [])] }));
        await assertOwnRoot(container, 6);
        const inside = ["/usr/bin/nsenter", "-t", String(await container.pid()), "-m"];
        await host(...inside, "/bin/umount", "-l", "/");
        // A process that joins would begin at the host's root, where the host's programs are.
        assertEquals((await box.command([...inside, "/bin/true"])).code, 127);
      },
      { within: within(script), notOnReference: "runc leaves the host's mounts below" },
    );
  }
}

contract("covered root: --no-pivot moves the rootfs where the kernel refuses pivot_root", async (box) => {
  const container = box.container({ process: { args: sh("sleep 1000") } });
  const id = container.id;
  assertError(await container.create(), /pivot_root.*invalid argument/);
  assertOk(await container.run({ flags: ["-d", "--no-pivot"] }));
  await assertOwnRoot(container, 6);
  assertOk(await box.cli(["delete", "--force", id]));
}, {
  // pivot_root refuses a root that is mounted on a shared mount.
  within: within(
    'mount --make-rshared / && mount --rbind / / && set -- nsenter --mount=/proc/self/ns/mnt "$@"',
  ),
  notOnReference: "runc's exec begins at the host's root",
});

contract("covered root: the cover stays on the host", async (box) => {
  const count = "grep -c ' / / ' /proc/self/mountinfo";
  const inner = `${count}; "$@" && ${count}`;
  const container = box.container();
  for (const overrides of [{}, USER]) {
    container.configure(overrides);
    const command = [box.runtime.path, "--root", box.root, "run", "-b", container.bundle.dir, container.id];
    const argv = within("mount --make-rshared / && mount --rbind / /");
    const { stdout } = assertOk(await box.command([...argv, "/bin/sh", "-c", inner, "sh", ...command]));
    assertEquals(stdout, "2\n2\n");
  }
}, { notOnReference: "runc refuses user namespaces there" });

contract("covered root: id-mapped mounts", async (box) => {
  const { dir, rootfs } = box.container().bundle;
  Deno.mkdirSync(`${dir}/data`);
  const mapping = [{ containerID: 0, hostID: 1000, size: 1 }];
  const container = box.container({
    process: { args: ["/bin/stat", "-c", "%u", "/data"] },
    mounts: [MOUNTS.proc, {
      destination: "/data",
      type: "bind",
      source: `${dir}/data`,
      options: ["bind"],
      uidMappings: mapping,
      gidMappings: mapping,
    }],
  });
  assertEquals(rootfs.startsWith(dir), true);
  assertEquals(await container.output(), "1000\n");
}, { within: within("mount --rbind / /"), notOnReference: "1.1.5 has no id-mapped mounts" });

contract(
  "covered root: in a chroot whose root is a mount, which a joining process would not begin at",
  async (box) => {
    const result = await box.container().create();
    assertError(result, /root of the mount namespace is another one.*chroot/);
    await box.assertNothingLeft();
  },
  {
    within: [
      ...within('mount --rbind / /mnt && set -- chroot /mnt "$@"'),
    ],
    notOnReference: "runc makes a container whose exec lands in the host's root",
  },
);

contract("covered root: a user without rights, who cannot uncover it, is told", async (box) => {
  await using container = await RootlessContainer.make(box);
  const { id, bundle } = container;
  const run = [box.runtime.path, "--root", box.root, "run", "--bundle", bundle.dir, id];
  const env = { PATH: "/usr/bin:/bin", XDG_RUNTIME_DIR: `${bundle.dir}/runtime` };
  const user = ["/usr/bin/setpriv", ...asUser()];
  assertError(
    await box.command([...within("mount --rbind / /"), ...user, ...run], { env }),
    /clone the init.*where another mount covers \/.*operation not permitted/,
  );
}, { skip: missingForRootless(), notOnReference: "runc says `operation not permitted`" });
