/**
 * The error for a CRIU that failed: its own words, and where more of them are.
 * @module
 */

import { RuntimeError } from "../../../ffi/errors.ts";
import { readTail } from "../../host/files.ts";
import { type CriuResponse, requestName } from "./rpc.ts";

/** How many of CRIU's last errors are quoted. */
const QUOTED = 3;

/**
 * The error of a request that CRIU did not fulfil.
 *
 * @param log Path of the log that CRIU was told to write.
 */
export function criuFailure({ type, cr_errno = 0, cr_errmsg }: CriuResponse, log: string): RuntimeError {
  const quoted = quoteLog(readLog(log));
  // A CRIU that failed before it had a log reports its first error only.
  const said = quoted.length > 0 || cr_errmsg === undefined ? quoted : [oneLine(cr_errmsg)];
  const reasons = said.length > 0 ? `: ${said.join("; ")}` : "";
  return new RuntimeError(
    "EIO_CRIU",
    `criu failed: type ${requestName(type)} errno ${cr_errno}${reasons} (log file: ${log})`,
  );
}

/**
 * The last lines of a log that report an error, without their times.
 *
 * The line that only says that everything failed is left out if there are others. So is the line that CRIU
 * could not raise a limit for itself, after which it goes on.
 */
export function quoteLog(text: string): string[] {
  const errors = text.split("\n").filter((line) => /\bError \(/.test(line))
    .map((line) => line.replace(/^\(\d+\.\d+\)\s*/, "").trim());
  const telling = errors.filter((line) =>
    !/(?:Dumping|Restoring) FAILED|Can't setup RLIMIT_NOFILE/.test(line)
  );
  return (telling.length > 0 ? telling : errors).slice(-QUOTED);
}

/** Bytes of the end of a log that are looked at: the errors are the last lines. */
const LOG_TAIL = 1 << 20;

function readLog(path: string): string {
  try {
    return readTail(path, LOG_TAIL);
  } catch {
    return "";
  }
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, "; ");
}
