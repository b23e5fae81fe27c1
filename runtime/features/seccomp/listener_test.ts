import { assertEquals } from "@std/assert";
import { processState } from "./listener.ts";
import type { ContainerState } from "../../container/record.ts";

const STATE: ContainerState = {
  version: 1,
  id: "box",
  ociVersion: "1.0.2",
  bundle: "/bundle",
  rootfs: "/bundle/rootfs",
  created: "2026-01-01T00:00:00Z",
  owner: 0,
  pid: 40,
  startTime: "1",
  pidNamespace: true,
  cgroupClaimed: true,
  noNewKeyring: false,
  cgroup: null,
  annotations: { a: "b" },
};

Deno.test("an agent is told of the process and of its container", () => {
  assertEquals(JSON.parse(JSON.stringify(processState(41, "for whom", STATE, "running"))), {
    ociVersion: "1.0.2",
    fds: ["seccompFd"],
    pid: 41,
    metadata: "for whom",
    state: {
      ociVersion: "1.0.2",
      id: "box",
      status: "running",
      pid: 40,
      bundle: "/bundle",
      annotations: { a: "b" },
    },
  });
});

Deno.test("metadata that is not there is not sent", () => {
  assertEquals(
    "metadata" in JSON.parse(JSON.stringify(processState(41, undefined, STATE, "creating"))),
    false,
  );
});
