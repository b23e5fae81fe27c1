/** Rehearsals leave nothing behind in which processes differ. */
import { assert, assertEquals } from "@std/assert";
import { sources } from "../../tests/sources.ts";
import { configOf } from "../../bench/configs.ts";
import { libc } from "../../ffi/libc.ts";
import { madeLocal } from "../../ffi/local.ts";
import { watcher } from "../../ffi/watch.ts";
import { callerIsSupposed, callerUid } from "../host/caller.ts";
import { preload } from "./preload.ts";

/** Every variable of a module in the program, and why a snapshot may have what rehearsals have made of it. */
const VARIABLES: Readonly<Record<string, string>> = {
  "ffi/background.ts bound": "a function of libc, which is mapped where it was; rehearsals do not bind it",
  "ffi/background.ts kept": "set by programs that use the library only",
  "ffi/decode/decode.ts names": "a table of the source",
  "ffi/decode/signatures.ts table": "a table of the source",
  "ffi/libc.ts bound": "functions of libc, which is mapped where it was",
  "ffi/libc.ts errnoView": "an address in the first thread's memory, which is mapped where it was",
  "ffi/local.ts kernel": "not made by rehearsals, which have a kernel of their own",
  "ffi/memory.ts decoder": "without a state between texts",
  "ffi/syscalls.ts known": "numbers of calls, from a table of the source",
  "ffi/watch.ts present": "taken away at the end of a dry run",
  "runtime/container/state_dir.ts checked": "forgotten after a rehearsal",
  "runtime/host/caller.ts gid": "forgotten after a rehearsal",
  "runtime/host/caller.ts supposed": "forgotten after a rehearsal",
  "runtime/host/caller.ts uid": "forgotten after a rehearsal",
  "runtime/host/dry/answers.ts inodes": "numbers for dry runs, in which only their being different matters",
  "runtime/host/dry/answers.ts nextMount": "the same",
  "runtime/host/dry/process.ts nextNamespace": "the same",
  "runtime/host/trace.ts before": "set by --debug only",
  "runtime/host/trace.ts last": "set by --debug only",
  "runtime/host/trace.ts report": "set by --debug only",
  "spec/shapes.ts usual": "a table of the source",
  "spec/validate/rare_shapes.ts shapes": "a table of the source",
};

Deno.test("every variable of a module is known, with the reason why a snapshot may have it", () => {
  const found: string[] = [];
  for (const path of ["ffi", "init", "runtime", "spec"].flatMap((room) => sources(`${room}/`))) {
    if (/_(?:test|testing)\.ts$/.test(path)) continue;
    const text = Deno.readTextFileSync(path);
    for (const [, name] of text.matchAll(/^(?:export )?(?:let|var) (\w+)/gm)) found.push(`${path} ${name}`);
    const empty = /^(?:export )?const (\w+)(?:: [^=]+)? = new (?:Weak)?(?:Map|Set)(?:<.*>)?\(\);/gm;
    for (const [, name] of text.matchAll(empty)) found.push(`${path} ${name}`);
  }
  assertEquals(found.toSorted(), Object.keys(VARIABLES));
});

Deno.test("a rehearsal goes to its end, or says why not, and leaves Deno, libc and the caller as they were", async () => {
  const dir = Deno.makeTempDirSync(), names = Object.keys(Deno).filter((name) => name.endsWith("Sync"));
  const functions = () => names.map((name) => (Deno as unknown as Record<string, unknown>)[name]);
  try {
    Deno.mkdirSync(`${dir}/rootfs/bin`, { recursive: true });
    Deno.writeTextFileSync(`${dir}/rootfs/bin/true`, "", { mode: 0o755 });
    const config = configOf("small", { rootfs: `${dir}/rootfs`, files: dir, cgroup: "/tsrun-rehearsal" });
    (config.process as { args: string[] }).args = ["/bin/true"];
    Deno.writeTextFileSync(`${dir}/config.json`, JSON.stringify(config));
    const before = functions(), { posix_spawn } = libc();
    const failures = await preload([dir, `${dir}/none`]);
    // Root's rehearsal of the first is whole wherever containers can be made; there is no second bundle.
    assertEquals(failures.at(-1)?.includes(`${dir}/none`), true, failures.join("\n"));
    assertEquals(functions(), before);
    assert(libc().posix_spawn === posix_spawn);
    assertEquals(watcher(), undefined);
    assertEquals(madeLocal(), undefined);
    assertEquals([callerIsSupposed(), callerUid()], [false, Deno.uid()]);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
