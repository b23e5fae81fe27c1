/** Bind mounts of files and directories, their flags, and propagation. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Dict, MOUNTS, sh } from "../lib/bundle.ts";
import type { Box } from "../lib/box.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { findMounts, removeMounts } from "../lib/leaks.ts";
import { type Mount, mountAt } from "../lib/mountinfo.ts";
import { exists, host, until } from "../lib/process.ts";

const BASE = [MOUNTS.proc, MOUNTS.dev];

function bind(source: string, destination: string, ...options: string[]): Dict {
  return { destination, type: "bind", source, options };
}

function flags(mount: Mount | undefined): string {
  const known = ["ro", "rw", "nosuid", "nodev", "noexec", "noatime"];
  return mount ? mount.options.filter((option) => known.includes(option)).sort().join(",") : "not mounted";
}

/** A directory of the test with one file in it. */
function source(box: Box, name = "source"): string {
  Deno.mkdirSync(`${box.dir}/${name}`);
  Deno.writeTextFileSync(`${box.dir}/${name}/file`, "of the host\n");
  return `${box.dir}/${name}`;
}

function scripted(container: Container, script: string, ...mounts: Dict[]): Container {
  container.configure({ process: { args: sh(script) }, mounts: [...BASE, ...mounts] });
  return container;
}

contract("bind: a directory, written through", async (box) => {
  const dir = source(box);
  const script = "cat /data/file; echo inside >/data/new";
  assertEquals(
    await scripted(box.container(), script, bind(dir, "/data", "rbind")).output(),
    "of the host\n",
  );
  assertEquals(Deno.readTextFileSync(`${dir}/new`), "inside\n");
});

contract("bind: a file, whose mount point is made", async (box) => {
  const dir = source(box);
  const container = box.container();
  const script = "cat /etc/new/name; echo more >>/etc/new/name";
  assertEquals(
    await scripted(container, script, bind(`${dir}/file`, "/etc/new/name", "bind")).output(),
    "of the host\n",
  );
  assertEquals(Deno.readTextFileSync(`${dir}/file`), "of the host\nmore\n");
  assertEquals(Deno.readTextFileSync(container.path("/etc/new/name")), "");
});

contract("bind: over a file of the image, as /etc/resolv.conf", async (box) => {
  const dir = source(box);
  const container = scripted(
    box.container(),
    "cat /etc/passwd",
    bind(`${dir}/file`, "/etc/passwd", "rbind", "rprivate"),
  );
  assertEquals(await container.output(), "of the host\n");
  assertMatch(Deno.readTextFileSync(container.path("/etc/passwd")), /^root:/);
});

contract("bind: flags are set one by one", async (box) => {
  const dir = source(box);
  const cases = {
    "bind": "rw",
    "bind,ro": "ro",
    "bind,nosuid,nodev,noexec": "nodev,noexec,nosuid,rw",
    "rbind,ro,noatime": "noatime,ro",
    "rbind,ro,rw": "rw",
  };
  const mounts = Object.keys(cases).map((options, i) => bind(dir, `/m${i}`, ...options.split(",")));
  const facts = await box.container().probe({ mounts: [...BASE, ...mounts] });
  const seen = Object.keys(cases).map((options, i) => [options, flags(mountAt(facts.mounts, `/m${i}`))]);
  assertEquals(Object.fromEntries(seen), cases);
});

contract("bind: without flags of its own it has the source's", async (box) => {
  await withTmpfs(box, "nosuid,nodev,noexec,noatime", async (dir) => {
    const facts = await box.container().probe({ mounts: [...BASE, bind(dir, "/data", "rbind")] });
    assertEquals(flags(mountAt(facts.mounts, "/data")), "noatime,nodev,noexec,nosuid,rw");
  });
});

contract("bind: ro is refused to the writer", async (box) => {
  const dir = source(box);
  const { stdout } = await scripted(box.container(), "touch /data/x 2>&1", bind(dir, "/data", "bind", "ro"))
    .run();
  assertEquals(stdout, "touch: /data/x: Read-only file system\n");
  assert(!exists(`${dir}/x`));
});

contract("bind: rbind takes submounts along, bind does not", async (box) => {
  const dir = source(box);
  Deno.mkdirSync(`${dir}/sub`);
  await host("mount", "-t", "tmpfs", "tmpfs", `${dir}/sub`);
  try {
    Deno.writeTextFileSync(`${dir}/sub/deep`, "");
    const container = box.container();
    const script = "echo r $(ls /r/sub); echo b $(ls /b/sub)";
    scripted(container, script, bind(dir, "/r", "rbind"), bind(dir, "/b", "bind"));
    assertEquals(await container.output(), "r deep\nb\n");
  } finally {
    await host("umount", `${dir}/sub`);
  }
});

contract("bind: ro is for the mount itself, rro for those inside it too", async (box) => {
  const dir = source(box);
  Deno.mkdirSync(`${dir}/sub`);
  await host("mount", "-t", "tmpfs", "tmpfs", `${dir}/sub`);
  try {
    const script = "touch /a/x 2>&1; touch /a/sub/x && echo written; touch /b/x 2>&1; touch /b/sub/y 2>&1";
    const container = scripted(
      box.container(),
      script,
      bind(dir, "/a", "rbind", "ro"),
      bind(dir, "/b", "rbind", "rro"),
    );
    const { stdout } = await container.run();
    const refused = (path: string) => `touch: ${path}: Read-only file system\n`;
    assertEquals(stdout, `${refused("/a/x")}written\n${refused("/b/x")}${refused("/b/sub/y")}`);
  } finally {
    await host("umount", `${dir}/sub`);
  }
});

contract("bind: a relative source counts from the bundle", async (box) => {
  const container = box.container();
  Deno.mkdirSync(`${container.bundle.dir}/data`);
  Deno.writeTextFileSync(`${container.bundle.dir}/data/file`, "of the bundle\n");
  assertEquals(
    await scripted(container, "cat /d/file", bind("data", "/d", "bind")).output(),
    "of the bundle\n",
  );
});

contract("bind: a source that is not there is an error that names it", async (box) => {
  const container = scripted(box.container(), "true", bind(`${box.dir}/none`, "/data", "bind"));
  assertError(await container.create(), new RegExp(`${box.dir}/none.*no such file or directory`));
  await box.assertNothingLeft();
});

contract("bind: a file on a directory is an error, and so is a directory on a file", async (box) => {
  const dir = source(box);
  assertError(
    await scripted(box.container(), "true", bind(`${dir}/file`, "/etc", "bind")).create(),
    /not a directory/,
  );
  assertError(
    await scripted(box.container(), "true", bind(dir, "/etc/passwd", "bind")).create(),
    /not a directory/,
  );
  await box.assertNothingLeft();
});

contract("bind: type `none` and an absent type are binds when the option says so", async (box) => {
  const dir = source(box);
  const mounts = [
    { destination: "/a", type: "none", source: dir, options: ["rbind"] },
    { destination: "/b", source: dir, options: ["bind"] },
  ];
  assertEquals(
    await scripted(box.container(), "cat /a/file /b/file", ...mounts).output(),
    "of the host\nof the host\n",
  );
});

contract("bind: type `bind` without the option is no bind", async (box) => {
  const container = scripted(box.container(), "true", bind(source(box), "/data"));
  assertEquals((await container.create()).code, 1);
  await box.assertNothingLeft();
});

contract("bind: /dev of the host: no devices are made in it", async (box) => {
  // Of what a container's /dev gets, only: the rest of the host's comes and goes as it likes.
  const made = "console core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero".split(
    " ",
  );
  const look = () => made.map((name) => [name, exists(`/dev/${name}`) && Deno.lstatSync(`/dev/${name}`).ino]);
  const before = look();
  const container = box.container({
    process: { args: sh("ls -d /dev/null /dev/pts") },
    mounts: [MOUNTS.proc, bind("/dev", "/dev", "rbind")],
  });
  assertEquals(await container.output(), "/dev/null\n/dev/pts\n");
  assertEquals(look(), before);
});

contract("propagation: private, slave and shared binds of a shared mount", async (box) => {
  await withTmpfs(box, "mode=755", async (dir) => {
    await host("mount", "--make-shared", dir);
    const mounts = ["rprivate", "rslave", "rshared", "private", "slave", "shared"].map((flag) =>
      bind(dir, `/${flag}`, "rbind", flag)
    );
    const facts = await box.container().probe({
      mounts: [...BASE, ...mounts],
      linux: { rootfsPropagation: "rshared" },
    });
    const seen = Object.fromEntries(
      mounts.map(({ destination }) => {
        const fields = mountAt(facts.mounts, String(destination))?.propagation ?? ["not mounted"];
        return [destination, fields.map((field) => field.replace(/:.*/, "")).sort().join(" ")];
      }),
    );
    assertEquals(seen, {
      "/rprivate": "",
      "/rslave": "master",
      "/rshared": "shared",
      "/private": "",
      "/slave": "master",
      "/shared": "shared",
    });
  });
});

contract("propagation: a mount that the host makes later arrives in a slave only", async (box) => {
  await withTmpfs(box, "mode=755", async (dir) => {
    await host("mount", "--make-shared", dir);
    Deno.mkdirSync(`${dir}/late`);
    const container = box.container();
    const script =
      "echo ready; while [ ! -e /slave/go ]; do sleep .02; done; echo slave $(ls /slave/late); echo private $(ls /private/late)";
    scripted(
      container,
      script,
      bind(dir, "/slave", "rbind", "rslave"),
      bind(dir, "/private", "rbind", "rprivate"),
    );
    await container.started();
    await until("ready", () => container.stdout() === "ready\n");
    await host("mount", "-t", "tmpfs", "tmpfs", `${dir}/late`);
    try {
      Deno.writeTextFileSync(`${dir}/late/file`, "");
      Deno.writeTextFileSync(`${dir}/go`, "");
      await container.wait("stopped");
    } finally {
      await host("umount", `${dir}/late`);
    }
    assertEquals(container.stdout(), "ready\nslave file\nprivate\n");
  });
});

contract("rootfsPropagation: private and slave", async (box) => {
  assertEquals(await rootPropagation(box, ["private", "rprivate", "rslave"]), {
    private: "",
    rprivate: "",
    rslave: "master",
  });
});

contract("rootfsPropagation: shared and unbindable", async (box) => {
  const expected = {
    shared: "shared",
    rshared: "shared",
    unbindable: "unbindable",
    runbindable: "unbindable",
  };
  assertEquals(await rootPropagation(box, Object.keys(expected)), expected);
}, { notOnReference: "runc 1.1.5 leaves the new root private; later versions set it after the pivot" });

contract("rootfsPropagation: nonsense is an error", async (box) => {
  const result = await box.container({ linux: { rootfsPropagation: "nonsense" } }).create();
  assertError(result, /rootfsPropagation=nonsense is not supported/);
  await box.assertNothingLeft();
});

contract("mounts: what the container mounts does not reach the host", async (box) => {
  await withTmpfs(box, "mode=755", async (dir) => {
    await host("mount", "--make-shared", dir);
    const all = ["CAP_SYS_ADMIN"];
    const container = box.container({
      process: {
        args: sh("mount -t tmpfs tmpfs /data && echo mounted; mount -t tmpfs tmpfs /tmp"),
        capabilities: { bounding: all, effective: all, permitted: all },
      },
      mounts: [...BASE, bind(dir, "/data", "rbind", "rslave")],
    });
    assertEquals(await container.output(), "mounted\n");
    const lines = (await host("findmnt", "-rno", "TARGET")).split("\n").filter((line) =>
      line.includes(box.token)
    );
    assertEquals(lines, [dir]);
  });
});

contract("mounts: a source given twice, many binds in one container", async (box) => {
  const dir = source(box);
  const mounts = Array.from(
    { length: 40 },
    (_, i) => bind(dir, `/many/${i}`, "rbind", i % 2 ? "ro" : "rw", "rprivate"),
  );
  const container = scripted(box.container(), "cat /many/*/file | wc -l", ...mounts);
  assertEquals((await container.output()).trim(), "40");
  assertOk(await box.cli(["delete", "--force", container.id]));
});

/** What mountinfo tells of "/" for each value of `rootfsPropagation`, with the rootfs on a shared mount. */
async function rootPropagation(box: Box, values: string[]): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  await withTmpfs(box, "mode=755", async (dir) => {
    await host("mount", "--make-shared", dir);
    await host("cp", "-a", box.container().bundle.rootfs, `${dir}/rootfs`);
    for (const rootfsPropagation of values) {
      const facts = await box.container().probe({
        root: { path: `${dir}/rootfs` },
        linux: { rootfsPropagation },
      });
      const fields = mountAt(facts.mounts, "/")?.propagation ?? ["not mounted"];
      seen[rootfsPropagation] = fields.map((field) => field.replace(/:.*/, "")).sort().join(" ");
    }
  });
  return seen;
}

/**
 * A tmpfs of its own on the host, for `test`; unmounted even when the test fails, with all mounts that
 * appeared below it.
 */
async function withTmpfs(box: Box, options: string, test: (dir: string) => Promise<void>): Promise<void> {
  const dir = `${box.dir}/tmpfs`;
  Deno.mkdirSync(dir);
  await host("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir);
  await host("mount", "--make-private", dir);
  let stray: string[] = [];
  try {
    await test(dir);
  } finally {
    for (const container of box.containers) await container.delete("--force");
    stray = findMounts(box.token).filter((target) => target !== dir);
    await removeMounts(box.token);
  }
  assertEquals(stray, [], "mounts of a container reached the host");
}
