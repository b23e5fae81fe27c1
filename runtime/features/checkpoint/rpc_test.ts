import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeCriuRequest,
  decodeCriuResponse,
  encodeCriuRequest,
  encodeCriuResponse,
  versionNumber,
} from "./rpc.ts";

const hex = (text: string) => Uint8Array.from(text.match(/[\da-f]{2}/g)!, (byte) => parseInt(byte, 16));

/** What protoc makes of a request by CRIU's own rpc.proto, its fields in the order of their numbers. */
const REQUEST = {
  type: 2,
  opts: {
    images_dir_fd: 3,
    pid: 4711,
    leave_running: false,
    log_level: 4,
    log_file: "dump.log",
    ps: { address: "192.0.2.1", port: 27277 },
    root: "/srv/é",
    ext_mnt: [{ key: "/proc/keys", val: "/dev/null" }, { key: "/data", val: "/data" }],
    cg_root: [{ ctrl: "name=systemd", path: "/x" }],
    inherit_fd: [{ key: "pipe:[1]", fd: -1 }],
    manage_cgroups_mode: 6,
    external: ["net[4026531840]:extRootNetNS"],
    empty_ns: 1073741824,
    join_ns: [{ ns: "ipc", ns_file: "/proc/1/ns/ipc" }],
    lsm_mount_context: "c",
  },
  notify_success: true,
  features: { mem_track: true },
};
const REQUEST_BYTES = `
  080212ca01080310e72418004804520864756d702e6c6f675a0f0a093139322e
  302e322e31108dd5016a072f7372762fc3a9ba01170a0a2f70726f632f6b6579
  7312092f6465762f6e756c6cba010e0a052f6461746112052f64617461ca0112
  0a0c6e616d653d73797374656d6412022f78da01150a08706970653a5b315d10
  ffffffffffffffffff01900206aa021c6e65745b343032363533313834305d3a
  657874526f6f744e65744e53b0028080808004ba02150a03697063120e2f7072
  6f632f312f6e732f697063fa03016318012a020801
`;

Deno.test("criu: a request is what protoc makes of it", () => {
  assertEquals(encodeCriuRequest(REQUEST), hex(REQUEST_BYTES));
  assertEquals(decodeCriuRequest(hex(REQUEST_BYTES)), REQUEST);
});

Deno.test("criu: the version, as CRIU 3.17.1 and a build after 4.2 have sent it", () => {
  const old = decodeCriuResponse(hex("08 0a 10 01 52 06 08 03 10 11 20 01"));
  assertEquals(old, { type: 10, success: true, version: { major_number: 3, minor_number: 17, sublevel: 1 } });
  assertEquals(versionNumber(old.version!), 31701);
  const between = decodeCriuResponse(
    hex("08 0a 10 01 52 18 08 04 10 02 1a 12 76 34 2e 32 2d 32 32 2d 67 32 63 66 38 66 31 33 63 61"),
  );
  assertEquals(between.version, { major_number: 4, minor_number: 2, gitid: "v4.2-22-g2cf8f13ca" });
  assertEquals(versionNumber(between.version!), 40300);
});

Deno.test("criu: features, as CRIU 4.2 has sent them", () => {
  assertEquals(decodeCriuResponse(hex("08 09 10 01 42 06 08 00 10 01 18 00")), {
    type: 9,
    success: true,
    features: { mem_track: false, lazy_pages: true },
  });
});

Deno.test("criu: an answer has a type, and says whether it is success", () => {
  const answer = { type: 6, success: true, notify: { script: "post-restore", pid: 5 } };
  assertEquals(decodeCriuResponse(encodeCriuResponse(answer)), answer);
  assertThrows(() => decodeCriuResponse(hex("08 06")), RangeError, "an answer without type or success");
});
