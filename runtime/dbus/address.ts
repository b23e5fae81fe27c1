/**
 * The addresses of a bus: D-Bus specification, "Server Addresses". Only unix sockets are used here.
 * @module
 */
import { RuntimeError } from "../../ffi/errors.ts";

/**
 * The unix sockets in an address, in the order in which they are to be tried. An abstract one begins with
 * `@`, as {@linkcode ../host/unix_socket.ts connectUnix} takes it.
 *
 * @param address Such as `unix:path=/run/user/1000/bus,guid=0a;unix:abstract=/tmp/x`.
 * @throws {RuntimeError} when the address has none.
 */
export function socketsOf(address: string): string[] {
  const sockets: string[] = [];
  for (const one of address.split(";")) {
    if (!one.startsWith("unix:")) continue;
    for (const pair of one.slice("unix:".length).split(",")) {
      const [key, value = ""] = pair.split("=", 2);
      if (key === "path") sockets.push(unescape(value));
      if (key === "abstract") sockets.push(`@${unescape(value)}`);
    }
  }
  if (sockets.length === 0) {
    throw new RuntimeError(
      "EINVAL_DBUS_ADDRESS",
      `no unix socket in the D-Bus address ${JSON.stringify(address)}`,
    );
  }
  return sockets;
}

/** Undoes `%xx`. */
function unescape(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RuntimeError(
      "EINVAL_DBUS_ADDRESS",
      `invalid escape in the D-Bus address ${JSON.stringify(text)}`,
    );
  }
}
