/**
 * A rootfs full of symbolic links that lead to the host. Whatever the runtime makes, mounts or opens must
 * stay inside the rootfs: the trap outside keeps its content, and no mount appears on it.
 */
import { assert, assertEquals } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { type Dict, MOUNTS, sh } from "../lib/bundle.ts";
import type { Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { escapes, plantLink, setTrap } from "../lib/hostile.ts";
import { exists, readText } from "../lib/process.ts";

const BASE = [MOUNTS.proc, MOUNTS.dev];

/**
 * Runs one container per kind of link, and checks that the trap is as it was. How the run ends is not judged:
 * a runtime may follow the link inside the rootfs or refuse it.
 *
 * @param prepare Plants links that lead to `target` and returns the config's overrides.
 */
async function spring(
  box: Box,
  target: (outside: string) => string,
  prepare: (container: Container, link: string) => Dict,
): Promise<void> {
  const trap = setTrap(box.dir);
  const before = trap.contents();
  for (const [kind, link] of Object.entries(escapes(target(trap.outside)))) {
    const container = box.container();
    container.configure(prepare(container, link));
    const result = await container.run();
    assertEquals(trap.contents(), before, `${kind} link: ${result.stderr}`);
    assert(!readText("/proc/self/mountinfo").includes(`${trap.outside}`), `${kind}: a mount outside`);
  }
  assertEquals(readText(`${trap.outside}/file`), "untouched\n");
}

/** Overrides of a container that writes to `path`, and one mount more than usual. */
function mounting(mount: Dict, path: string): Dict {
  return {
    process: { args: sh(`echo inside >${path}; echo inside >${path}/made; true`) },
    mounts: [...BASE, mount],
  };
}

contract("hostile: the destination of a tmpfs is a link", async (box) => {
  await spring(box, (outside) => `${outside}/inner`, (container, link) => {
    plantLink(container.bundle.rootfs, "/data", link);
    return mounting({ destination: "/data", type: "tmpfs", source: "tmpfs" }, "/data");
  });
});

contract("hostile: a parent of the destination is a link, and the rest has to be made", async (box) => {
  await spring(box, (outside) => outside, (container, link) => {
    plantLink(container.bundle.rootfs, "/data", link);
    return mounting({ destination: "/data/new/dir", type: "tmpfs", source: "tmpfs" }, "/data/new/dir");
  });
});

contract("hostile: the destination's target leads out of what another link leads to", async (box) => {
  await spring(box, (outside) => `${outside}/inner`, (container, link) => {
    const { rootfs } = container.bundle;
    plantLink(rootfs, "/escape", link);
    plantLink(rootfs, "/data", "escape/../new/../../inner/dir");
    return mounting({ destination: "/data", type: "tmpfs", source: "tmpfs" }, "/data");
  });
});

contract(
  "a destination is made where the kernel finds it: behind a link, .. is its target's parent",
  async (box) => {
    const container = box.container();
    const { rootfs } = container.bundle;
    Deno.mkdirSync(`${rootfs}/deep/down`, { recursive: true });
    plantLink(rootfs, "/link", "/deep/down");
    plantLink(rootfs, "/data", "link/../made");
    const mount = { destination: "/data", type: "tmpfs", source: "tmpfs" };
    container.configure({
      process: { args: sh("echo inside >/data/file; cat /deep/made/file") },
      mounts: [...BASE, mount],
    });
    const result = await container.run();
    assertEquals([result.code, result.stdout], [0, "inside\n"], result.stderr);
    assert(!exists(`${rootfs}/made`));
  },
);

contract("hostile: the destination of a bound file is a link to nothing", async (box) => {
  await spring(box, (outside) => `${outside}/new-file`, (container, link) => {
    plantLink(container.bundle.rootfs, "/etc/name", link);
    return mounting({ destination: "/etc/name", source: "/etc/hostname", options: ["bind"] }, "/tmp");
  });
});

contract("hostile: the destination of a bound file is a link to a file", async (box) => {
  await spring(box, (outside) => `${outside}/file`, (container, link) => {
    plantLink(container.bundle.rootfs, "/etc/name", link);
    Deno.writeTextFileSync(`${box.dir}/source`, "source\n");
    return mounting(
      { destination: "/etc/name", source: `${box.dir}/source`, options: ["bind"] },
      "/etc/name",
    );
  });
});

contract("hostile: the destination of a bound directory is a link", async (box) => {
  await spring(box, (outside) => `${outside}/inner`, (container, link) => {
    plantLink(container.bundle.rootfs, "/data", link);
    return mounting({ destination: "/data/x", source: box.dir, options: ["rbind", "ro"] }, "/data");
  });
});

contract("hostile: tmpcopyup reads no link that leads out", async (box) => {
  await spring(box, (outside) => outside, (container, link) => {
    plantLink(container.bundle.rootfs, "/data", link);
    return {
      process: { args: sh("cat /data/file >/stolen; true") },
      mounts: [...BASE, { destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] }],
    };
  });
  for (const container of box.containers) assertEquals(readText(container.path("/stolen")), "");
});

contract("hostile: /proc and /sys are links", async (box) => {
  for (const path of ["/proc", "/sys"]) {
    const container = box.container();
    const trap = `${box.dir}/trap${path}`;
    Deno.mkdirSync(trap, { recursive: true });
    plantLink(container.bundle.rootfs, path, trap);
    const result = await container.run();
    assertEquals(result.code, 1, `${path}: the container ran`);
    assert(/must be mounted on ordinary directory/.test(result.stderr), result.stderr);
    assertEquals([...Deno.readDirSync(trap)], []);
  }
});

contract("hostile: /proc is a link to a directory inside the rootfs", async (box) => {
  const container = box.container();
  Deno.removeSync(container.path("/proc"));
  Deno.mkdirSync(container.path("/other"));
  Deno.symlinkSync("other", container.path("/proc"));
  const result = await container.run();
  assertEquals(result.code, 1);
  assert(/must be mounted on ordinary directory/.test(result.stderr), result.stderr);
});

contract("hostile: /dev is a link, and a tmpfs is mounted there", async (box) => {
  await spring(box, (outside) => `${outside}/inner`, (container, link) => {
    plantLink(container.bundle.rootfs, "/dev", link);
    return { process: { args: sh("ls /dev") } };
  });
}, { notOnReference: "runc 1.1.5 makes /dev/ptmx by a path that follows the link (CVE-2026-41579)" });

contract("hostile: /dev is a link, and nothing is mounted there", async (box) => {
  await spring(box, (outside) => `${outside}/inner`, (container, link) => {
    plantLink(container.bundle.rootfs, "/dev", link);
    return { process: { args: sh("true") }, mounts: [MOUNTS.proc] };
  });
}, { notOnReference: "runc 1.1.5 makes /dev/ptmx by a path that follows the link (CVE-2026-41579)" });

contract("hostile: devices and links of /dev are links already", async (box) => {
  await spring(box, (outside) => outside, (container, link) => {
    for (const name of ["null", "zero", "ptmx", "fd", "stdin", "core", "console"]) {
      plantLink(container.bundle.rootfs, `/dev/${name}`, `${link}/file`);
    }
    for (const name of ["full", "random"]) {
      plantLink(container.bundle.rootfs, `/dev/${name}`, `${link}/new-${name}`);
    }
    return { process: { args: sh("echo written >/dev/null; true") }, mounts: [MOUNTS.proc] };
  });
});

contract("hostile: the directory of a device of linux.devices is a link", async (box) => {
  await spring(box, (outside) => `${outside}/inner`, (container, link) => {
    plantLink(container.bundle.rootfs, "/data", link);
    const devices = ["/data/null", "/data/sub/null"].map((path) => ({
      type: "c",
      path,
      major: 1,
      minor: 3,
      fileMode: 0o600,
    }));
    return { process: { args: sh("true") }, linux: { devices } };
  });
});

contract("hostile: cwd is made below a link", async (box) => {
  await spring(box, (outside) => outside, (container, link) => {
    plantLink(container.bundle.rootfs, "/data", link);
    return { process: { args: sh("echo x >made"), cwd: "/data/new/dir" } };
  });
});

contract("hostile: masked and read-only paths are links", async (box) => {
  await spring(box, (outside) => outside, (container, link) => {
    plantLink(container.bundle.rootfs, "/secret", `${link}/file`);
    plantLink(container.bundle.rootfs, "/secrets", `${link}/inner`);
    return { linux: { maskedPaths: ["/secret", "/secrets"], readonlyPaths: ["/secret", "/secrets"] } };
  });
});

contract("hostile: /dev/null is a link, and a path is masked with it", async (box) => {
  const trap = setTrap(box.dir);
  for (const link of Object.values(escapes(`${trap.outside}/file`))) {
    const container = box.container();
    Deno.writeTextFileSync(container.path("/decoy"), "a decoy\n");
    Deno.writeTextFileSync(container.path("/secret"), "a secret\n");
    for (const target of [link, "/decoy"]) {
      plantLink(container.bundle.rootfs, "/dev/null", target);
      const args = sh("cat /secret; echo overwritten >/secret; true");
      container.configure({ process: { args }, mounts: [MOUNTS.proc], linux: { maskedPaths: ["/secret"] } });
      const { stdout } = await container.run();
      assertEquals(stdout, "", "something else than the null device was put over the masked path");
    }
    assertEquals(readText(container.path("/decoy")), "a decoy\n");
  }
  assertEquals(readText(`${trap.outside}/file`), "untouched\n");
}, { notOnReference: "runc 1.1.5 binds whatever /dev/null is (CVE-2025-31133)" });

contract("hostile: the program is a link that leads out", async (box) => {
  for (const link of Object.values(escapes("/usr/bin/env"))) {
    const container = box.container({ process: { args: ["/bin/escape"] } });
    plantLink(container.bundle.rootfs, "/bin/escape", link);
    const result = await container.run();
    assertEquals(result.code, 1, result.stdout);
    assert(/no such file or directory/.test(result.stderr), result.stderr);
  }
});

contract("hostile: /etc/passwd is a link that leads out, or a pipe", async (box) => {
  const container = box.container({ process: { args: sh("echo $HOME") } });
  plantLink(container.bundle.rootfs, "/etc/passwd", "/etc/passwd-of-nowhere");
  assertEquals(await container.output(), "/\n");
  const endless = box.container({ process: { args: sh("echo $HOME") } });
  plantLink(endless.bundle.rootfs, "/etc/passwd", "/dev/zero");
  const result = await endless.run({ timeout: 10_000 });
  assert(result.code === 0 || result.stderr !== "", "an error without a word");
});

contract("hostile: links in a circle", async (box) => {
  const container = box.container({
    mounts: [...BASE, { destination: "/a/x", type: "tmpfs", source: "tmpfs" }],
  });
  plantLink(container.bundle.rootfs, "/a", "/b");
  plantLink(container.bundle.rootfs, "/b", "/a");
  const result = await container.create();
  assertEquals(result.code, 1);
  assert(result.stderr.trim() !== "");
  await box.assertNothingLeft();
});

contract("links: those that stay inside the rootfs are followed there", async (box) => {
  const container = box.container();
  Deno.mkdirSync(container.path("/real/inner"), { recursive: true });
  plantLink(container.bundle.rootfs, "/absolute", "/real");
  plantLink(container.bundle.rootfs, "/up", "../../../../real");
  const args = sh("ls /real/inner /real/new; cat /real/file");
  container.configure({
    process: { args },
    mounts: [
      ...BASE,
      { destination: "/absolute/inner", source: "/etc/hostname", options: ["bind"], type: "bind" },
    ].slice(0, 2).concat([
      { destination: "/absolute/inner", source: container.path("/bin"), options: ["rbind"], type: "bind" },
      { destination: "/up/new", source: container.path("/etc"), options: ["rbind"], type: "bind" },
      {
        destination: "/absolute/file",
        source: container.path("/etc/group"),
        options: ["bind"],
        type: "bind",
      },
    ]),
  });
  const output = await container.output();
  for (const part of ["busybox", "passwd", "root:x:0:"]) assert(output.includes(part), output);
  assert(exists(container.path("/real/file")));
});
