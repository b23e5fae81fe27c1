/** The master of a container's terminal, as tests get it over a console socket. */
import { EAGAIN } from "../../ffi/errno.ts";
import { local } from "../../ffi/local.ts";
import { until } from "./process.ts";

/** errno(3): input/output error, of a terminal that no process has. */
const EIO = 5;
const F_SETFL = 4, O_RDWR = 2, O_NONBLOCK = 0o4000;
const SIZE = 4096;

/**
 * Reads until a pattern is there.
 *
 * @param master A descriptor of this process.
 * @returns All that was read, with `\r\n` at the ends of lines.
 */
export function readMaster(master: number, pattern: RegExp): Promise<string> {
  const k = local();
  let text = "";
  k.call("fcntl", [master, F_SETFL, O_RDWR | O_NONBLOCK]);
  return until(`${pattern} on the terminal`, () => {
    k.scratch(() => {
      const buffer = k.buffer(SIZE);
      const got = k.call("read", [master, buffer, SIZE], { allow: [EAGAIN, EIO] }).wait();
      if (got > 0) text += buffer.text(got);
    });
    return pattern.test(text) && text;
  });
}
