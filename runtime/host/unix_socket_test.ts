import { assertEquals, assertThrows } from "@std/assert";
import { local } from "../../ffi/local.ts";
import {
  decodeRights,
  encodeMessage,
  MESSAGE_CONTROL_LENGTH,
  unixAddress,
} from "../../ffi/structs_socket.ts";
import { withRoot } from "../container/record_testing.ts";
import { sendDescriptors } from "./unix_socket.ts";

/** A listener that does not accept before it is asked: its backlog takes the connection and what was sent. */
function listen(path: string): { receive(): { payload: string; fds: number[] } } & Disposable {
  const k = local();
  const fd = k.call("socket", [1, 1 | 0o2000000, 0]).wait();
  // By way of its directory, or a long path would not fit.
  const slash = path.lastIndexOf("/");
  const directory = k.open(path.slice(0, slash), 0).wait();
  const address = unixAddress(`/proc/self/fd/${directory}${path.slice(slash)}`);
  k.call("bind", [fd, address, address.length]);
  k.close(directory);
  k.call("listen", [fd, 1]);
  return {
    receive: () =>
      k.scratch(() => {
        const connection = k.call("accept4", [fd, null, null, 0o4000]).wait();
        const data = k.buffer(65536), control = k.buffer(64);
        const message = encodeMessage(k.memory, { data, control });
        const length = k.call("recvmsg", [connection, message, 0]).wait();
        k.close(connection);
        const filled = k.memory.getI64(message + MESSAGE_CONTROL_LENGTH);
        return { payload: data.text(length), fds: decodeRights(control.bytes, filled) };
      }),
    [Symbol.dispose]: () => k.close(fd),
  };
}

function assertSent(path: string, directory: string): void {
  using listener = listen(path);
  Deno.writeTextFileSync(`${directory}/file`, "the file");
  const k = local();
  const file = k.open(`${directory}/file`, 0).wait();
  sendDescriptors(local(), path, "a name", [file]);
  k.close(file);
  const { payload, fds } = listener.receive();
  assertEquals(payload, "a name");
  assertEquals(fds.map((fd) => Deno.readTextFileSync(`/proc/self/fd/${fd}`)), ["the file"]);
  for (const fd of fds) k.close(fd);
}

Deno.test("a descriptor arrives with the message", () => {
  withRoot((directory) => assertSent(`${directory}/s`, directory));
});

Deno.test("a path too long for an address does as well", () => {
  withRoot((directory) => {
    const deep = `${directory}/${"x".repeat(200)}`;
    Deno.mkdirSync(deep);
    assertSent(`${deep}/s`, directory);
  });
});

Deno.test("what is wrong with the socket is said", () => {
  withRoot((directory) => {
    const path = `${directory}/none`;
    assertThrows(
      () => sendDescriptors(local(), path, "x", [0]),
      Error,
      `dial unix ${path}: no such file or directory`,
    );
    const long = `${directory}/${"x".repeat(200)}`;
    assertThrows(
      () => sendDescriptors(local(), long, "x", [0]),
      Error,
      `dial unix ${long}: no such file or directory`,
    );
    Deno.writeTextFileSync(path, "");
    assertThrows(
      () => sendDescriptors(local(), path, "x", [0]),
      Error,
      `dial unix ${path}: connection refused`,
    );
  });
});
