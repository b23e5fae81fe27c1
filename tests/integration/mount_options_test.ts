/** Options of new filesystems: however a mount is made, what comes of it is what mount(8) makes. */
import { assert, assertEquals } from "@std/assert";
import { type Dict, MOUNTS, sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { type Mount, mountAt, parseMountinfo } from "../lib/mountinfo.ts";
import { exists, host } from "../lib/process.ts";

/**
 * Options that are not of a bind mount, nor of the runtime's own making, nor recursive: mount(8) has the
 * same.
 */
const OPTIONS = (
  "async atime defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev nodiratime noexec " +
  "noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private relatime ro rprivate rshared " +
  "rslave runbindable rw shared silent slave strictatime suid symfollow sync unbindable"
).split(" ");

const OTHERS = ["bind", "rbind", "remount", "tmpcopyup"];
const RECURSIVE = /^r(no)?(ro|rw|suid|dev|exec|diratime|relatime|atime|strictatime|symfollow)$/;

/** A mount to be made both ways. */
interface Wanted {
  type: string;
  /** The option that is tried, and all options. */
  option: string;
  options: string[];
}

/** All types with all options; overlays in directories of their own. */
function everything(dir: string): Wanted[] {
  return OPTIONS.flatMap((option) => {
    const data: Record<string, string[]> = {
      // With a mode, which would be that of the directory below. What is read-only in the end is in
      // mounts_test.ts.
      ...(option === "ro" ? {} : { tmpfs: ["mode=1777"] }),
      ...{ ramfs: [], proc: [], sysfs: [], devpts: ["newinstance"], mqueue: [], cgroup2: [] },
      overlay: [`lowerdir=${dir}/lower`, `upperdir=${dir}/upper/${option}`, `workdir=${dir}/work/${option}`],
    };
    return Object.entries(data).map(([type, own]) => ({ type, option, options: [...own, option] }));
  });
}

/**
 * What a mount is: its flags, its propagation without the numbers of groups, the options of its superblock.
 */
function show(mount: Mount | undefined): string {
  if (mount === undefined) return "not mounted";
  const propagation = mount.propagation.map((field) => field.replace(/:\d+/, ""));
  // An overlay made through fsconfig(2) tells of this default of its.
  const data = mount.superOptions.filter((option) => option !== "uuid=on");
  return [mount.type, mount.source, mount.options, propagation, data].join(" ");
}

/** What mount(8) makes of it, in namespaces of its own. */
async function byMount8(dir: string, wanted: Wanted[]): Promise<Mount[]> {
  const lines = wanted.map(({ type, option, options }) => {
    const place = `${dir}/m/${option}/${type}`;
    return `mkdir -p ${place} && mount -t ${type} -o "${options.join()}" "a:${type}" ${place} || exit 1`;
  });
  const unshare = "unshare --mount --pid --ipc --net --fork --propagation private /bin/sh -c".split(" ");
  return parseMountinfo(await host(...unshare, [...lines, "cat /proc/thread-self/mountinfo"].join("\n")));
}

contract("mount options: each on each type is what mount(8) makes of it", async (box) => {
  const wanted = everything(box.dir);
  Deno.mkdirSync(`${box.dir}/lower`);
  for (const name of ["upper", "work"]) {
    for (const option of OPTIONS) Deno.mkdirSync(`${box.dir}/${name}/${option}`, { recursive: true });
  }
  const mounts = wanted.map(({ type, option, options }): Dict => (
    { destination: `/m/${option}/${type}`, type, source: `a:${type}`, options }
  ));
  const container = box.container({
    process: { args: ["/bin/cat", "/proc/self/mountinfo"] },
    mounts: [MOUNTS.proc, ...mounts],
  });
  const made = parseMountinfo(await container.output());
  const reference = await byMount8(box.dir, wanted);
  const pairs = wanted.map(({ option, type }) => {
    const place = `/m/${option}/${type}`;
    return [
      `${option} ${show(mountAt(made, place))}`,
      `${option} ${show(mountAt(reference, box.dir + place))}`,
    ];
  });
  assertEquals(pairs.map(([ours]) => ours), pairs.map(([, theirs]) => theirs));
}, { timeout: 60_000, notOnReference: "1.1.5 hands options that it does not know to the filesystem" });

contract("mount options: those that `features` lists are all tested", async (box) => {
  const { stdout } = assertOk(await box.cli(["features"]));
  const listed: string[] = JSON.parse(stdout).mountOptions;
  const rest = listed.filter((option) => !OTHERS.includes(option) && !RECURSIVE.test(option));
  assertEquals(rest.sort(), OPTIONS.toSorted());
}, { notOnReference: "1.1.5 lists fewer" });

contract("mount options: values, sources and types that fsconfig(2) does not take", async (box) => {
  const long = (i: number) => `${box.dir}/${"l".repeat(120)}${i}`;
  const layers = [1, 2, 3, 4].map(long);
  for (const [i, layer] of layers.entries()) {
    Deno.mkdirSync(layer);
    Deno.writeTextFileSync(`${layer}/file${i}`, "");
  }
  const source = `some ${"s".repeat(300)}`;
  const container = box.container({
    process: { args: sh("ls /o /v; touch /v/new; cat /proc/self/mountinfo; ls -a /") },
    mounts: [
      MOUNTS.proc,
      { destination: "/o", type: "overlay", source: "o", options: [`lowerdir=${layers.join(":")}`, "nodev"] },
      { destination: "/v", type: "tmpfs", source, options: ["mode=700", "noexec"] },
    ],
  });
  const text = await container.output();
  assert(text.startsWith("/o:\nfile0\nfile1\nfile2\nfile3\n\n/v:\n"), text);
  const mounts = parseMountinfo(text);
  assertEquals(mountAt(mounts, "/v")?.source, source);
  assertEquals(mountAt(mounts, "/o")?.options, ["rw", "nodev", "relatime"]);
  assert(mountAt(mounts, "/o")?.superOptions.includes(`lowerdir=${layers.join(":")}`), text);
  assertEquals(mountAt(mounts, "/v")?.options, ["rw", "noexec", "relatime"]);
  // Nothing of the way it was made is left.
  assertEquals(mounts.map(({ target }) => target), ["/", "/proc", "/o", "/v"]);
  assert(!exists(container.path("/m")));
});

contract("mount options: an overlay of more layers than a page of options can name", async (box) => {
  const layers = Array.from({ length: 40 }, (_, i) => `${box.dir}/${"l".repeat(100)},:${i}`);
  for (const [i, layer] of layers.entries()) {
    Deno.mkdirSync(layer);
    Deno.writeTextFileSync(`${layer}/file${i}`, "");
  }
  const lowerdir = layers.map((layer) => layer.replace(/[,:]/g, "\\$&")).join(":");
  const container = box.container({
    process: { args: sh("ls /o | wc -l") },
    mounts: [MOUNTS.proc, {
      destination: "/o",
      type: "overlay",
      source: "o",
      options: [`lowerdir=${lowerdir}`],
    }],
  });
  assertEquals(await container.output(), "40\n");
}, { notOnReference: "mount(2) takes a page of options" });

contract(
  "mount options: more than a page of them is an error with the figures, and leaves nothing",
  async (box) => {
    const options = [`size=1m,${"x".repeat(5_000)}`];
    const result = await box.container({
      mounts: [MOUNTS.proc, { destination: "/t", type: "tmpfs", source: "tmpfs", options }],
    }).create();
    assertError(result, /to "\/t".*options of 5008 bytes \(the kernel takes 4095\)/);
    await box.assertNothingLeft();
  },
  { notOnReference: "runc says `invalid argument`" },
);

contract("mount options: silent, iversion and long values in a user namespace", async (box) => {
  const ids = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const source = "s".repeat(300);
  const container = box.container({
    process: { args: ["/bin/cat", "/proc/self/mountinfo"] },
    linux: {
      namespaces: ["pid", "mount", "user"].map((type) => ({ type })),
      uidMappings: ids,
      gidMappings: ids,
    },
    mounts: [
      MOUNTS.proc,
      MOUNTS.dev,
      { destination: "/v", type: "tmpfs", source, options: ["silent", "iversion", "nosuid"] },
    ],
  });
  Deno.chmodSync(box.dir, 0o755);
  Deno.mkdirSync(container.path("/v"));
  const found = mountAt(parseMountinfo(await container.output()), "/v");
  assertEquals([found?.source, found?.options], [source, ["rw", "nosuid", "relatime"]]);
});

contract("tmpfs: on a directory that was not there before it is everybody's", async (box) => {
  const tmpfs = (destination: string, ...options: string[]) => (
    { destination, type: "tmpfs", source: "tmpfs", options }
  );
  const container = box.container({
    process: {
      args: ["/bin/stat", "-c", "%n %a", "/new", "/new/inner", "/kept", "/given", "/dev/new", "/link"],
    },
    mounts: [
      MOUNTS.proc,
      MOUNTS.dev,
      tmpfs("/new"),
      tmpfs("/new/inner", "nosuid"),
      tmpfs("/kept"),
      tmpfs("/given", "mode=700"),
      tmpfs("/dev/new"),
      tmpfs("/link"),
    ],
  });
  Deno.mkdirSync(container.path("/kept"));
  Deno.chmodSync(container.path("/kept"), 0o751);
  Deno.symlinkSync("/target/of/it", container.path("/link"));
  assertEquals(
    await container.output(),
    "/new 1777\n/new/inner 1777\n/kept 751\n/given 700\n/dev/new 1777\n/link 777\n",
  );
}, { notOnReference: "runc 1.1.5 gives a new directory's mode to the tmpfs" });
