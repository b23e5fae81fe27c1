import { assertEquals, assertThrows } from "@std/assert";
import { socketsOf } from "./address.ts";
import { RuntimeError } from "../../ffi/errors.ts";

Deno.test("sockets of an address, in order", () => {
  const cases: [string, string[]][] = [
    ["unix:path=/run/dbus/system_bus_socket", ["/run/dbus/system_bus_socket"]],
    ["unix:path=/run/user/1000/bus,guid=0123", ["/run/user/1000/bus"]],
    ["tcp:host=x,port=1;unix:guid=1,path=/a;unix:abstract=/tmp/b,guid=1", ["/a", "@/tmp/b"]],
    ["unix:path=/a%20b%2cc", ["/a b,c"]],
  ];
  for (const [address, sockets] of cases) assertEquals(socketsOf(address), sockets);
});

Deno.test("an address without a unix socket is an error", () => {
  for (const address of ["", "tcp:host=localhost,port=1", "unix:tmpdir=/tmp", "unix:path=/a%zz"]) {
    assertThrows(() => socketsOf(address), RuntimeError, "D-Bus address");
  }
});
