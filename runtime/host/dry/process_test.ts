/** Paths, files and mounts of a process that is only thought of. */
import {
  decodeAnswer,
  decodeLink,
  decodeMessages,
  encodeRequest,
  IFLA_IFNAME,
  IFLA_NET_NS_FD,
  IFLA_NEW_IFINDEX,
  linkBody,
  RTM_GETLINK,
  RTM_NEWLINK,
  stringValue,
  wordValue,
} from "../../../ffi/structs_netlink.ts";
import { controllersAfter } from "./cgroup_files.ts";
import { DryRoutes } from "./routes.ts";
import { assertEquals } from "@std/assert";
import {
  AT_FDCWD,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_SYMLINKS,
  S_IFDIR,
  S_IFREG,
} from "../../../ffi/constants.ts";
import { EEXIST, ELOOP, ENODEV, ENOENT, ENOTDIR } from "../../../ffi/errno.ts";
import { answerOf } from "./answers.ts";
import { DryProcess } from "./process.ts";
import { RealFiles } from "./real_files.ts";
import { DryTree } from "./tree.ts";

/** Runs a test with a process, and a directory of the host that has a little in it. */
function withProcess(test: (process: DryProcess, directory: string) => void): void {
  const directory = Deno.realPathSync(Deno.makeTempDirSync());
  try {
    Deno.mkdirSync(`${directory}/etc`);
    Deno.writeTextFileSync(`${directory}/etc/passwd`, "root");
    Deno.symlinkSync("/etc/passwd", `${directory}/link`);
    Deno.symlinkSync("loop", `${directory}/loop`);
    test(new DryProcess(new DryTree(new RealFiles(), () => undefined), 1), directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** The names in a directory of the host. */
const names = (directory: string) => [...Deno.readDirSync(directory)].map(({ name }) => name).sort();

Deno.test("dry: paths lead through links, and stay in a root", () =>
  withProcess((p, directory) => {
    const root = p.open(AT_FDCWD, directory, O_PATH | O_DIRECTORY, 0, 0);
    const placeOf = (fd: number) => p.fds.get(fd)?.position?.place;
    assertEquals(placeOf(p.open(root, "/link", 0, RESOLVE_IN_ROOT, 0)), `${directory}/etc/passwd`);
    assertEquals(placeOf(p.open(root, "../../etc", 0, RESOLVE_IN_ROOT, 0)), `${directory}/etc`);
    assertEquals(p.open(root, "link", 0, RESOLVE_NO_SYMLINKS, 0), -ELOOP);
    assertEquals(p.open(root, "link", O_NOFOLLOW, 0, 0), -ELOOP);
    assertEquals(placeOf(p.open(root, "link", O_NOFOLLOW | O_PATH, 0, 0)), `${directory}/link`);
    assertEquals(p.open(root, "loop", 0, 0, 0), -ELOOP);
    assertEquals(p.open(root, "missing/x", 0, 0, 0), -ENOENT);
    assertEquals(p.open(root, "etc/passwd/x", 0, 0, 0), -ENOTDIR);
    assertEquals(p.open(root, "etc/passwd", O_DIRECTORY, 0, 0), -ENOTDIR);
  }));

Deno.test("dry: what is made is there for later calls, and for nobody else", () =>
  withProcess((p, directory) => {
    const root = p.open(AT_FDCWD, directory, O_PATH | O_DIRECTORY, 0, 0);
    assertEquals(answerOf(p, "mkdirat", [root, "new", 0o755]), 0);
    assertEquals(answerOf(p, "mkdirat", [root, "new", 0o755]), -EEXIST);
    assertEquals(p.open(root, "etc/passwd", O_CREAT | O_EXCL | O_WRONLY, 0, 0o644), -EEXIST);
    const file = p.open(root, "new/file", O_CREAT | O_EXCL | O_WRONLY, 0, 0o600);
    assertEquals(answerOf(p, "write", [file, "text", 4]), 4);
    assertEquals(p.tree.text(`${directory}/new/file`), "text");
    assertEquals(answerOf(p, "unlinkat", [root, "link", 0]), 0);
    assertEquals(p.open(root, "link", O_PATH, 0, 0), -ENOENT);
    assertEquals(p.tree.names(directory).sort(), ["etc", "loop", "new"]);
    assertEquals(names(directory), ["etc", "link", "loop"]);
  }));

Deno.test("dry: a mount covers what lies below, and only in its namespace", () =>
  withProcess((p, directory) => {
    const other = new DryProcess(p.tree, 2, p);
    const context = answerOf(p, "fsopen", ["tmpfs", 0]);
    answerOf(p, "fsconfig", [context, 1, "mode", "0700", 0]);
    const mount = answerOf(p, "fsmount", [context, 0, 0]);
    const place = p.open(AT_FDCWD, `${directory}/etc`, O_PATH, 0, 0);
    assertEquals(answerOf(p, "move_mount", [mount, "", place, "", 0]), 0);
    assertEquals(p.open(AT_FDCWD, `${directory}/etc/passwd`, 0, 0, 0), -ENOENT);
    const found = p.lookAt(AT_FDCWD, `${directory}/etc`, true);
    assertEquals(typeof found === "number" ? found : found.entry.mode, S_IFDIR | 0o700);
    assertEquals(typeof found !== "number" && p.mountOf(found.position).isRoot, true);
    answerOf(p, "mkdirat", [AT_FDCWD, `${directory}/etc/inside`, 0o755]);
    const inside = p.open(AT_FDCWD, `${directory}/etc/inside/..`, O_PATH, 0, 0);
    assertEquals(p.fds.get(inside)?.position?.path, `${directory}/etc`);
    assertEquals(other.open(AT_FDCWD, `${directory}/etc/passwd`, 0, 0, 0) > 0, true);
  }));

Deno.test("dry: a root that is changed is left by no path, and a procfs shows descriptors", () =>
  withProcess((p, directory) => {
    answerOf(p, "fchdir", [p.open(AT_FDCWD, directory, O_PATH, 0, 0)]);
    answerOf(p, "pivot_root", [".", "."]);
    assertEquals([1, 2].map(() => answerOf(p, "umount2", [".", 2]) < 0), [false, true]);
    answerOf(p, "chdir", ["/"]);
    const passwd = p.open(AT_FDCWD, "/../../etc/passwd", 0, 0, 0);
    assertEquals(p.fds.get(passwd)?.position?.place, `${directory}/etc/passwd`);
    assertEquals(p.wayTo(p.fds.get(passwd)!.position!), "/etc/passwd");
    const procfs = answerOf(p, "fsmount", [answerOf(p, "fsopen", ["proc", 0]), 0, 0]);
    const again = p.open(procfs, `self/fd/${passwd}`, 0, 0, 0);
    assertEquals(p.fds.get(again)?.position?.place, `${directory}/etc/passwd`);
  }));

Deno.test("dry: new namespaces have numbers of their own, which those who join them share", () => {
  const tree = new DryTree(new RealFiles(), () => undefined);
  const [one, other] = [new DryProcess(tree, 1), new DryProcess(tree, 2)];
  one.separate(0x20000 | 0x10000000);
  assertEquals([...one.namespaces.keys()].sort(), ["mnt", "user"]);
  other.join(one, 0x10000000);
  assertEquals([...other.namespaces], [["user", one.namespaces.get("user")!]]);
});

Deno.test("dry: what is written to cgroup.subtree_control is added to what is there", () => {
  assertEquals(controllersAfter("cpu pids\n", "+memory -pids"), "cpu memory");
  assertEquals(controllersAfter("", "+hugetlb"), "hugetlb");
  assertEquals(controllersAfter("io", "io"), "io");
});

Deno.test("dry: a new cgroup has the files of the controllers that are handed down to it", () =>
  withProcess(({ tree }, directory) => {
    const files = { procs: "", controllers: "cpu io pids\n", subtree_control: "pids\n" };
    for (const [name, text] of Object.entries(files)) {
      Deno.writeTextFileSync(`${directory}/cgroup.${name}`, text);
    }
    tree.make(`${directory}/new`, { mode: S_IFDIR | 0o755 });
    const has = (file: string) => tree.look(`${directory}/new/${file}`) !== undefined;
    assertEquals(["cpu.weight", "pids.max", "io.weight"].map(has), [false, true, false]);
    tree.make(`${directory}/cgroup.subtree_control`, { mode: S_IFREG | 0o644, text: "cpu" });
    assertEquals(["cpu.weight", "pids.max", "io.weight"].map(has), [true, true, false]);
    assertEquals(tree.text(`${directory}/new/cgroup.controllers`), "pids cpu");
  }));

Deno.test("dry: a new network namespace has its loopback device, and what is moved into it", () => {
  const routes = new DryRoutes();
  const named = (name: string, inside = true) =>
    routes.answer(
      encodeRequest({
        ...{ type: RTM_GETLINK, flags: 0, sequence: 7, body: linkBody(0) },
        attributes: [[IFLA_IFNAME, stringValue(name)]],
      }),
      inside,
    );
  const errnoOf = (name: string) => decodeAnswer(decodeMessages(named(name)!).at(-1)!).errno;
  assertEquals([errnoOf("lo"), errnoOf("net0")], [0, ENODEV]);
  assertEquals(named("lo", false), undefined);
  const attributes = [
    [IFLA_IFNAME, stringValue("net0")],
    [IFLA_NET_NS_FD, wordValue(9)],
    [IFLA_NEW_IFINDEX, wordValue(5)],
  ] as const;
  routes.answer(
    encodeRequest({ type: RTM_NEWLINK, flags: 0, sequence: 1, body: linkBody(5), attributes }),
    false,
  );
  assertEquals(decodeLink(decodeMessages(named("net0")!)[0]).index, 5);
});
