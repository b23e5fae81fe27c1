/** Mounts of containers with a user namespace. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Dict, MOUNTS, namespaces, sh } from "../lib/bundle.ts";
import { assertError } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { host, readText } from "../lib/process.ts";
import { FIRST, shifted } from "../lib/shifted.ts";

contract("user namespace: --no-pivot", async (box) => {
  const script = "ls / | grep -c proc; ls /usr 2>/dev/null; cat /proc/self/uid_map";
  const container = await shifted(box, { process: { args: sh(script) } });
  const text = await container.output({ flags: ["--no-pivot"] });
  assertMatch(text, new RegExp(`^1\\n\\s+0\\s+${FIRST}`));
});

contract("user namespace: cgroups shown with and without a namespace of theirs", async (box) => {
  const cgroup = { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] };
  const mounts = [...Object.values(MOUNTS), cgroup];
  const script = "ls /sys/fs/cgroup | wc -l; grep -c cgroup /proc/self/mountinfo";
  for (const more of [[], ["cgroup"]]) {
    const types = namespaces("pid", "network", "ipc", "uts", "mount", "user", ...more);
    const container = await shifted(box, {
      process: { args: sh(script) },
      mounts,
      linux: { namespaces: types },
    });
    const [entries, lines] = (await container.output()).trim().split("\n").map(Number);
    assert(entries > 0 && lines > 0, `${entries} entries, ${lines} mounts`);
  }
});

contract("user namespace: bundle and volumes that only root of the host can reach", async (box) => {
  const volume = `${box.dir}/closed/volume`;
  Deno.mkdirSync(volume, { recursive: true });
  Deno.writeTextFileSync(`${volume}/file`, "inside\n");
  Deno.chmodSync(`${box.dir}/closed`, 0o700);
  const mounts = [...Object.values(MOUNTS), {
    destination: "/volume",
    source: volume,
    options: ["bind", "ro"],
  }];
  const container = await shifted(box, {
    process: { args: sh("cat /volume/file; echo x >/volume/new") },
    mounts,
  });
  Deno.chmodSync(container.bundle.dir, 0o700);
  const result = await container.run();
  assertEquals(result.stdout, "inside\n");
  assertMatch(result.stderr, /Read-only file system/);
}, { notOnReference: "runc 1.1.5 opens them as the container's root" });

contract("user namespace: what cannot be mounted says so", async (box) => {
  const types = namespaces("pid", "ipc", "uts", "mount", "user");
  const container = await shifted(box, { linux: { namespaces: types } });
  assertError(await container.run(), /mount(?:ing)? "sysfs" to .*operation not permitted/);
  await box.assertNothingLeft();
});

contract("user namespace: tmpcopyup", async (box) => {
  const copyUp = { destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] };
  const container = await shifted(box, {
    process: { args: sh("cd /data; stat -c '%n %u:%g %a %F' * */*; cat file; echo x >file && echo changed") },
    mounts: [...Object.values(MOUNTS), copyUp],
  });
  const data = container.path("/data");
  Deno.mkdirSync(`${data}/directory`, { recursive: true });
  Deno.writeTextFileSync(`${data}/file`, "content\n", { mode: 0o600 });
  Deno.writeTextFileSync(`${data}/directory/of-a-user`, "");
  Deno.symlinkSync("file", `${data}/directory/link`);
  await host("/bin/chown", "-hR", `${FIRST}:${FIRST}`, data);
  Deno.chownSync(`${data}/directory/of-a-user`, FIRST + 1000, FIRST + 5);
  assertEquals(
    await container.output(),
    "directory 0:0 755 directory\nfile 0:0 600 regular file\ndirectory/link 0:0 777 symbolic link\n" +
      "directory/of-a-user 1000:5 644 regular empty file\ncontent\nchanged\n",
  );
  assertEquals(readText(`${data}/file`), "content\n");
});

contract("user namespace: flags and mounts of the host stay as they are, and errors say so", async (box) => {
  const source = `${box.dir}/volume`, below = `${source}/below`;
  Deno.mkdirSync(below, { recursive: true });
  await host("mount", "-t", "tmpfs", "-o", "ro,noexec", "none", below);
  try {
    const cases: [Dict, RegExp][] = [
      [
        { source: below, options: ["bind", "exec"] },
        /cannot clear locked flags of ".*below": operation not permitted/,
      ],
      [
        { source: below, options: ["bind", "noatime"] },
        /cannot clear locked flags of ".*below": operation not permitted/,
      ],
      [{ source, options: ["bind"] }, /may not uncover what is mounted below: use rbind\): invalid argument/],
    ];
    for (const [mount, pattern] of cases) {
      const mounts = [...Object.values(MOUNTS), { destination: "/volume", ...mount }];
      assertError(await (await shifted(box, { mounts })).run(), pattern);
    }
    const mounts = [...Object.values(MOUNTS), {
      destination: "/volume",
      source,
      options: ["rbind", "nosuid"],
    }];
    const script = "grep -o '/volume.* r[ow],[a-z,]*' /proc/self/mountinfo";
    const text = await (await shifted(box, { mounts, process: { args: sh(script) } })).output();
    assertMatch(text, /\/volume rw,nosuid[^]*\/volume\/below ro,[a-z,]*noexec/);
  } finally {
    await host("umount", below);
  }
}, { notOnReference: "runc 1.1.5 has other words" });
