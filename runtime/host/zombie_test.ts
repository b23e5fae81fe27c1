import { assertEquals } from "@std/assert";
import { exitStatus } from "../../ffi/wait.ts";
import { processState } from "./process.ts";
import { sleepSync } from "./sleep.ts";
import { zombieWord } from "./zombie.ts";

/** Runs a test with a process that has ended as the shell's words say, and whose parent never reaps. */
async function withZombie(words: string, test: (pid: number, startTime: string) => void): Promise<void> {
  const parent = new Deno.Command("sh", { args: ["-c", `(${words}) & exec sleep 60`], stdin: "null" })
    .spawn();
  try {
    test(...await zombieOf(parent.pid));
  } finally {
    parent.kill("SIGKILL");
    await parent.status;
  }
}

function zombieOf(parent: number): [pid: number, startTime: string] {
  for (const end = performance.now() + 20_000; performance.now() < end; sleepSync(5)) {
    const [child] = Deno.readTextFileSync(`/proc/${parent}/task/${parent}/children`).split(" ").map(Number);
    const state = child ? processState(child) : undefined;
    if (state?.state === "Z" && processState(parent)?.name === "sleep") return [child, state.startTime];
  }
  throw new Error("there is no zombie");
}

Deno.test("zombieWord: an exit code, and a signal", async () => {
  const status = (pid: number, startTime: string) => exitStatus(zombieWord(pid, startTime)!);
  await withZombie("exit 7", (pid, startTime) => assertEquals(status(pid, startTime), 7));
  await withZombie("kill -9 \"$(exec sh -c 'echo $PPID')\"", (pid, startTime) => {
    assertEquals(status(pid, startTime), 137);
  });
});

Deno.test("zombieWord: another process of the same pid, one that runs, and one that is gone", async () => {
  await withZombie("exit 7", (pid) => assertEquals(zombieWord(pid, "1"), undefined));
  assertEquals(zombieWord(Deno.pid, processState(Deno.pid)!.startTime), undefined);
  assertEquals(zombieWord(2 ** 22 + 1, "1"), undefined);
});
