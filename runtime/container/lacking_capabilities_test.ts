import { assertEquals } from "@std/assert";
import { capabilityWords } from "../../spec/capabilities.ts";
import { lackingCapabilities } from "./lacking_capabilities.ts";

Deno.test("capabilities that the caller or the kernel lacks are named, unknown ones are not", () => {
  const host = { permitted: capabilityWords(["CAP_CHOWN", "CAP_SETFCAP", "CAP_MAC_ADMIN"]), last: 33 };
  const names = [
    "CAP_CHOWN",
    "CAP_KILL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_BPF",
    "CAP_BOGUS",
  ];
  assertEquals(lackingCapabilities(names, host), ["CAP_KILL", "CAP_MAC_OVERRIDE", "CAP_BPF"]);
  assertEquals(lackingCapabilities([], host), []);
});
