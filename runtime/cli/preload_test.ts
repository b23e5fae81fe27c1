/** A snapshot of the started engine has nothing in which processes differ. */
import { assertEquals } from "@std/assert";
import { sources } from "../../tests/sources.ts";
import { madeLocal } from "../../ffi/local.ts";
import { watcher } from "../../ffi/watch.ts";
import { callerIsSupposed, callerUid } from "../host/caller.ts";
import { preload } from "./preload.ts";

/** Every variable of a module in the program, and why a snapshot may have it as it is then. */
const VARIABLES: Readonly<Record<string, string>> = {
  "ffi/background.ts bound": "not bound before",
  "ffi/background.ts kept": "set by programs that use the library only",
  "ffi/decode/decode.ts names": "a table of the source",
  "ffi/decode/signatures.ts table": "a table of the source",
  "ffi/libc.ts bound": "functions of libc, which is mapped where it was",
  "ffi/libc.ts errnoView": "an address in the first thread's memory, which is mapped where it was",
  "ffi/local.ts kernel": "not made before",
  "ffi/memory.ts decoder": "without a state between texts",
  "ffi/syscalls.ts known": "numbers of calls, from a table of the source",
  "ffi/watch.ts present": "nobody watches before",
  "runtime/container/state_dir.ts checked": "not asked before",
  "runtime/host/caller.ts gid": "not asked before",
  "runtime/host/caller.ts supposed": "not asked before",
  "runtime/host/caller.ts uid": "not asked before",
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

Deno.test("what is done before a snapshot leaves the caller and the kernel unasked", () => {
  preload();
  assertEquals([watcher(), madeLocal(), callerIsSupposed()], [undefined, undefined, false]);
  assertEquals(callerUid(), Deno.uid());
});
