import { assert, assertEquals, assertMatch } from "@std/assert";
import { keyOf } from "./descriptors.ts";
import { descriptorsOf, isTraced, mappingsOf, MemoryOf, parseMappings, stateOf } from "./process.ts";

const MAPS = `\
19cf130000-19d0cbe000 r--p 00000000 fe:01 1234                           /opt/a b/deno (deleted)
19d0f34000-19d0f35000 rwxp 01b8e000 fe:01 1234                           /opt/deno
7f35d0000000-7f35d0010000 ---p 00000000 00:00 0 
7f35d0010000-7f35d0011000 rw-s 00000000 00:01 77                         /dev/zero (deleted)
7fffffffe000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
`;

Deno.test("snapshot: proc_pid_maps(5) in all its forms", () => {
  const mappings = parseMappings(MAPS);
  assertEquals(mappings.map(({ protection, shared, name }) => ({ protection, shared, name })), [
    { protection: 1, shared: false, name: "/opt/a b/deno (deleted)" },
    { protection: 7, shared: false, name: "/opt/deno" },
    { protection: 0, shared: false, name: "" },
    { protection: 3, shared: true, name: "/dev/zero (deleted)" },
    { protection: 3, shared: false, name: "[stack]" },
    { protection: 4, shared: false, name: "[vsyscall]" },
  ]);
  assertEquals([mappings[1].start, mappings[1].end, mappings[1].offset], [
    0x19d0f34000n,
    0x19d0f35000n,
    0x1b8e000n,
  ]);
  assertEquals(mappings[5].end, 0xffffffffff601000n);
});

Deno.test("snapshot: two numbers of one descriptor have a key in common, those of two have not", () => {
  const poll = (fd: number, more: string) => ({
    fd,
    what: "anon_inode:[eventpoll]",
    info: `pos:\t0\nflags:\t0200000${fd}\nmnt_id:\t15\nino:\t1057\n${more}`,
  });
  const watched = "tfd:      105 events: 8000201d data:                1  pos:0 ino:b25 sdev:8\n";
  assertEquals(keyOf(poll(100, watched)), keyOf(poll(102, watched)));
  assert(keyOf(poll(100, watched)) !== keyOf(poll(102, "")));
  const socket = (fd: number, what: string) => ({ fd, what, info: "pos:\t0\n" });
  assertEquals(keyOf(socket(103, "socket:[5]")), keyOf(socket(105, "socket:[5]")));
  assert(keyOf(socket(103, "socket:[5]")) !== keyOf(socket(104, "socket:[6]")));
  const event = (fd: number) => ({
    fd,
    what: "anon_inode:[eventfd]",
    info: "eventfd-count:                1\n",
  });
  assert(keyOf(event(101)) !== keyOf(event(102)));
});

/** Whether a process is in clock_nanosleep(2), by its numbers on x86-64 and aarch64. */
function sleeps(pid: number): boolean {
  return /^(?:230|115) /.test(Deno.readTextFileSync(`/proc/${pid}/syscall`));
}

Deno.test("snapshot: what a process is made of", async () => {
  const child = new Deno.Command("sleep", { args: ["100"], stdin: "null", stdout: "null" }).spawn();
  try {
    // Until it sleeps it opens files and closes them.
    for (const end = Date.now() + 20_000; stateOf(child.pid) !== "S" || !sleeps(child.pid);) {
      assert(Date.now() < end, "it does not come to sleep");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const stack = mappingsOf(child.pid).find(({ name }) => name === "[stack]")!;
    assert(stack.start < stack.end && (stack.protection & 3) === 3);
    const descriptors = descriptorsOf(child.pid);
    assertEquals(descriptors.slice(0, 3).map(({ fd }) => fd), [0, 1, 2]);
    assertEquals(descriptors[1].what, "/dev/null");
    assertMatch(descriptors[1].info, /^flags:\t01/m);
    assertEquals(isTraced(child.pid), false);
    assertEquals(stateOf(child.pid), "S");
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
  assertEquals(stateOf(child.pid), undefined);
});

Deno.test("snapshot: memory is read as it is", () => {
  const bytes = crypto.getRandomValues(new Uint8Array(10_000));
  using memory = new MemoryOf(Deno.pid);
  const address = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
  assertEquals(memory.read(address, bytes.length), bytes);
});
