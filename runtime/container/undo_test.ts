import { assertEquals, assertRejects } from "@std/assert";
import { RuntimeError } from "../../ffi/errors.ts";
import { causeOf, reasonWithUndo, UndoStack } from "./undo.ts";

/** Does some steps, of which the last may fail; says what was undone. */
async function undone(fails: boolean, failing: readonly string[] = []): Promise<string[]> {
  const said: string[] = [];
  await using undo = new UndoStack();
  const work = (name: string) =>
    undo.add(() => {
      said.push(name);
      if (failing.includes(name)) throw new Error(`${name} stays`);
    });
  work("first");
  work("second");
  if (fails) throw new RuntimeError("EIO_TEST", "no");
  undo.keep();
  return said;
}

Deno.test("undo: what is kept is kept", async () => {
  assertEquals(await undone(false), []);
});

Deno.test("undo: the last is undone first, and one that fails does not keep the others from it", async () => {
  const said: string[] = [];
  await assertRejects(async () => {
    await using undo = new UndoStack();
    undo.add(() => void said.push("first"));
    undo.add(() => Promise.reject(new Error("stuck")));
    undo.add(() => void said.push("third"));
    throw new Error("no");
  });
  assertEquals(said, ["third", "first"]);
});

Deno.test("undo: the reason comes first, and what could not be undone behind it", async () => {
  const plain = await undone(true).catch((error) => error);
  assertEquals(reasonWithUndo(plain), "no");
  const both = await undone(true, ["first", "second"]).catch((error) => error);
  assertEquals(reasonWithUndo(both), "no; and cleaning up failed: second stays; first stays");
  assertEquals(causeOf(both) instanceof RuntimeError, true);
});
