import { assertEquals } from "@std/assert";
import { skip } from "../tests/lib/skip.ts";
import { local } from "./local.ts";
import { relayCode, SignalRelay } from "./signal_relay.ts";

const GNU = { x86_64: "x86_64-linux-gnu", aarch64: "aarch64-linux-gnu" } as const;
/** Some that Deno can listen to, and some that it cannot. */
const SIGNALS = [10, 12, 16, 34, 64];

function program(arch: "x86_64" | "aarch64", tool: string): string | undefined {
  const names = [`/usr/bin/${GNU[arch]}-${tool}`, ...(arch === Deno.build.arch ? [`/usr/bin/${tool}`] : [])];
  return names.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

function run(command: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(command, { args, stdin: "null" }).outputSync();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
}

for (const arch of ["x86_64", "aarch64"] as const) {
  const as = program(arch, "as"), objcopy = program(arch, "objcopy");
  const name = `the handler's bytes for ${arch} are what its source assembles to`;
  if (!as || !objcopy) skip(name, `no binutils for ${arch}`);
  else {
    Deno.test(name, () => {
      const directory = Deno.makeTempDirSync();
      try {
        run(as, "-o", `${directory}/o`, new URL(`signal_relay_${arch}.s`, import.meta.url).pathname);
        run(objcopy, "-O", "binary", "-j", ".text", `${directory}/o`, `${directory}/bin`);
        assertEquals(relayCode(arch), Deno.readFileSync(`${directory}/bin`));
      } finally {
        Deno.removeSync(directory, { recursive: true });
      }
    });
  }
}

Deno.test("signals come out of the relay in their order, whatever their number", () => {
  const k = local();
  const relay = new SignalRelay(k);
  relay.catch(SIGNALS, false);
  assertEquals(relay.take(), []);
  for (const signal of SIGNALS) k.kill(Deno.pid, signal);
  relay.wait();
  const taken: number[] = [];
  // Another thread may take one.
  while (taken.length < SIGNALS.length) taken.push(...relay.take());
  assertEquals(taken.toSorted((a, b) => a - b), SIGNALS);
  relay.release(SIGNALS);
});

Deno.test("a thousand real-time signals are a thousand", () => {
  const k = local();
  const relay = new SignalRelay(k);
  relay.catch([40], false);
  for (let i = 0; i < 1000; i++) k.kill(Deno.pid, 40);
  let count = 0;
  while (count < 1000) count += relay.take().length;
  assertEquals(relay.take(), []);
  relay.release([40]);
});

Deno.test("an ignored signal is remembered, and ignored again when released", () => {
  const k = local();
  const action = (old: number | null) => {
    const buffer = k.buffer(32);
    k.call("rt_sigaction", [41, old === null ? null : [old, 0, 0, 0], buffer, 8]);
    return buffer.u64(0);
  };
  action(1);
  const relay = new SignalRelay(k);
  relay.catch([41, 42], false);
  assertEquals([...relay.ignored], [41]);
  relay.release([41, 42]);
  assertEquals(action(0), 1);
});

/**
 * To be run by a Deno of its own: tests do not run on the main thread, which the kernel prefers for signals.
 */
const INTERRUPTED = `
const { local } = await import("./local.ts"), { SignalRelay } = await import("./signal_relay.ts");
const k = local(), relay = new SignalRelay(k);
relay.catch([14], true);
const check = () => {
  console.log("interrupted by", ...new Set(relay.take()));
  Deno.exit();
};
k.interruption = { fd: relay.fd, check };
// Again and again: the first may come before the call has begun.
new Deno.Command("/bin/sh", { args: ["-c", "while kill -ALRM " + Deno.pid + "; do sleep .1; done"] }).spawn();
k.call("ppoll", [0, 0, [60, 0], null, 8]);
console.log("not interrupted");
`;

Deno.test("an interrupting signal ends a call that blocks", () => {
  const cwd = new URL(".", import.meta.url).pathname;
  const { stdout } = new Deno.Command(Deno.execPath(), { args: ["eval", INTERRUPTED], cwd }).outputSync();
  assertEquals(new TextDecoder().decode(stdout), "interrupted by 14\n");
});
