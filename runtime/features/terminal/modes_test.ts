import { assertEquals, assertNotEquals } from "@std/assert";
import { O_CLOEXEC, O_NOCTTY, O_RDWR } from "../../../ffi/constants.ts";
import { local } from "../../../ffi/local.ts";
import {
  TCGETS,
  TERMIOS_SIZE,
  TIOCGPTPEER,
  TIOCGWINSZ,
  TIOCSPTLCK,
  TIOCSWINSZ,
  windowSize,
} from "../../../ffi/structs_terminal.ts";
import { copySize, RawMode } from "./modes.ts";

/** Runs `use` with a pty of this machine. */
function withPty(use: (master: number, slave: number) => void): void {
  const k = local();
  const master = k.open("/dev/ptmx", O_RDWR | O_NOCTTY).wait();
  k.call("ioctl", [master, TIOCSPTLCK, new Uint8Array(4)]);
  const slave = k.call("ioctl", [master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC]).wait();
  try {
    use(master, slave);
  } finally {
    k.close(slave);
    k.close(master);
  }
}

function ask(fd: number, request: number, size: number): string {
  return local().scratch(() => {
    const buffer = local().buffer(size);
    local().call("ioctl", [fd, request, buffer]);
    return buffer.bytes.join(" ");
  });
}

Deno.test("raw mode lasts until it is disposed of, once", () => {
  withPty((_, slave) => {
    const before = ask(slave, TCGETS, TERMIOS_SIZE);
    const raw = new RawMode(local(), slave);
    const during = ask(slave, TCGETS, TERMIOS_SIZE);
    assertNotEquals(during, before);
    raw[Symbol.dispose]();
    assertEquals(ask(slave, TCGETS, TERMIOS_SIZE), before);
    using other = new RawMode(local(), slave);
    raw[Symbol.dispose]();
    assertEquals([other.fd, ask(slave, TCGETS, TERMIOS_SIZE)], [slave, during]);
  });
});

Deno.test("what is no terminal is left alone", () => {
  using raw = new RawMode(local(), local().open("/dev/null", O_RDWR).wait());
  local().close(raw.fd);
});

Deno.test("the size is that of the first terminal that has one", () => {
  withPty((unsized) => {
    withPty((sized, sizedSlave) => {
      withPty((master, slave) => {
        const none = local().open("/dev/null", O_RDWR).wait();
        local().call("ioctl", [sized, TIOCSWINSZ, windowSize(50, 132)]);
        local().call("ioctl", [master, TIOCSWINSZ, windowSize(7, 7)]);
        copySize(local(), [none, unsized], master);
        assertEquals(ask(slave, TIOCGWINSZ, 8), "7 0 7 0 0 0 0 0");
        copySize(local(), [none, unsized, sizedSlave], master);
        assertEquals(ask(slave, TIOCGWINSZ, 8), "50 0 132 0 0 0 0 0");
        local().close(none);
      });
    });
  });
});
