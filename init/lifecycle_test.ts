import { assertEquals, assertThrows } from "@std/assert";
import { DryKernel } from "../ffi/dry.ts";
import { Lifecycle, type Stages, type Steps } from "./lifecycle.ts";

type Stage = "first" | "second" | "third";
const STAGES: Stages<Stage> = {
  order: ["first", "second", "third"],
  answered: new Set(["second"]),
  handedOver: new Set(["third"]),
};

/** Runs contributions; the context is a list that steps write to. */
function run(
  contributions: (add: (stage: Stage, text: string) => void) => Steps<Stage, string[]>[],
): string[] {
  const said: string[] = [];
  class Noting extends DryKernel {
    override flush(): void {
      said.push("flush");
    }
    override handOver(): void {
      said.push("hand over");
    }
  }
  const lifecycle: Lifecycle<Stage, string[]> = new Lifecycle(
    STAGES,
    contributions((stage, text) => lifecycle.add(stage, (list) => list.push(text))),
  );
  lifecycle.run(new Noting(), said);
  return said;
}

const say = (text: string) => (list: string[]) => void list.push(text);

Deno.test("lifecycle: stages come in their order, and steps of one stage in that of the contributions", () => {
  const said = run(() => [{ third: say("c"), first: say("a1") }, { first: say("a2"), third: say("c2") }]);
  assertEquals(said, ["a1", "a2", "hand over", "c", "c2"]);
});

Deno.test("lifecycle: a stage that wants answers waits for them if there is anything to do", () => {
  assertEquals(run(() => [{ first: say("a"), second: say("b") }]), ["a", "flush", "b"]);
});

Deno.test("lifecycle: a step adds steps to later stages and to its own, not to one that is over", () => {
  const said = run((add) => [{
    first: () => {
      add("third", "late");
      add("first", "now");
      add("second", "answered");
    },
    third: say("c"),
  }]);
  assertEquals(said, ["now", "flush", "answered", "hand over", "c", "late"]);
  assertThrows(() => run((add) => [{ second: () => add("first", "x") }]), Error, 'the stage "first" is over');
});

Deno.test("lifecycle: what waits in a later stage can be done now, once", () => {
  const said: string[] = [];
  const lifecycle: Lifecycle<Stage, string[]> = new Lifecycle(STAGES, [{
    first(list) {
      lifecycle.add("second", say("early"));
      lifecycle.runWaiting("second", new DryKernel(), list);
      lifecycle.add("second", say("in time"));
    },
  }]);
  lifecycle.run(new DryKernel(), said);
  assertEquals(said, ["early", "in time"]);
});
