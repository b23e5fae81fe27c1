import { assertEquals } from "@std/assert";
import { containerProcessState } from "./listener.ts";
import type { State } from "../../../spec/types.ts";

const STATE: State = {
  ociVersion: "1.0.2",
  id: "box",
  status: "running",
  pid: 40,
  bundle: "/bundle",
  annotations: { a: "b" },
};

Deno.test("an agent is told of the process and of its container", () => {
  assertEquals(JSON.parse(JSON.stringify(containerProcessState(41, "for whom", STATE))), {
    ociVersion: "1.0.2",
    fds: ["seccompFd"],
    pid: 41,
    metadata: "for whom",
    state: STATE,
  });
});

Deno.test("metadata that is not there is not sent", () => {
  assertEquals(
    "metadata" in JSON.parse(JSON.stringify(containerProcessState(41, undefined, STATE))),
    false,
  );
});
