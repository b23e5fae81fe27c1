import { assertEquals, assertThrows } from "@std/assert";
import { F_GETFD, O_RDONLY } from "./constants.ts";
import { Descriptor } from "./descriptor.ts";
import { EBADF, ENOENT } from "./errno.ts";
import { local } from "./local.ts";

const isOpen = (fd: number) => local().call("fcntl", [fd, F_GETFD, 0], { allow: [EBADF] }).wait() >= 0;

Deno.test("a descriptor is open within its scope, is taken by calls, and closed behind it", () => {
  const k = local();
  let number: number;
  {
    using root = new Descriptor(k, k.open("/", O_RDONLY));
    number = root.wait();
    assertEquals([isOpen(number), root.fd], [true, number]);
    using passwd = new Descriptor(k, k.openat(root, "etc/passwd", O_RDONLY));
    assertEquals(isOpen(passwd.wait()), true);
  }
  assertEquals(isOpen(number), false);
});

Deno.test("a descriptor is closed when its scope is left by an error", () => {
  const k = local();
  let number = -1;
  assertThrows(
    () => {
      using root = new Descriptor(k, k.open("/", O_RDONLY));
      number = root.wait();
      throw new Error("left");
    },
    Error,
    "left",
  );
  assertEquals(isOpen(number), false);
});

Deno.test("a descriptor that was given up stays open; one that could not be opened is not closed", () => {
  const k = local();
  let number: number;
  {
    using root = new Descriptor(k, k.open("/", O_RDONLY));
    number = root.release();
    assertEquals(root.wait(), -1);
    using missing = new Descriptor(k, k.open("/nonexistent", O_RDONLY, 0, { allow: [ENOENT] }));
    assertEquals(missing.wait(), -ENOENT);
  }
  assertEquals(isOpen(number), true);
  k.close(number);
});
