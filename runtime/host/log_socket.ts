/**
 * Logs that are kept by a service of the host: `--log journald:NAME` and `--log syslog:NAME`, as in crun.
 *
 * Sources: the "Journal Native Protocol" of systemd, syslog(3), RFC 3164.
 * @module
 */

import { SOCK_DGRAM, SOCK_STREAM } from "../../ffi/constants.ts";
import { EPROTOTYPE } from "../../ffi/errno.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { OperationError } from "../../ffi/kernel.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { printable } from "../../ffi/printable.ts";
import { ownPid } from "./caller.ts";
import { callerOf, type LogLevel, type LogRecord, type RecordSink } from "./log.ts";
import { connectUnix, sendMessage } from "./unix_socket.ts";

/** Where the services listen. */
const JOURNAL = "/run/systemd/journal/socket", SYSLOG = "/dev/log";
/** Severities of syslog(3), which the journal has too. */
const SEVERITY: Readonly<Record<LogLevel, number>> = { error: 3, warning: 4, debug: 7 };
/** LOG_USER of syslog(3), in its place. */
const FACILITY = 1 << 3;
/** The longest message in characters: a datagram has to fit into the socket's buffer. */
const LONGEST = 32_768;

/**
 * Connects to the service that a value of `--log` names.
 *
 * @param destination `journald:NAME` or `syslog:NAME`; the records are under the name, or `tsrun` if it is
 * empty.
 * @param path Where the service listens; the usual place if absent.
 * @throws {RuntimeError} `open <destination>: <reason>`
 */
export function openLogSocket(k: LocalKernel, destination: string, path?: string): RecordSink {
  const colon = destination.indexOf(":"), service = destination.slice(0, colon);
  const name = printable(destination.slice(colon + 1)) || "tsrun";
  try {
    return service === "journald"
      ? openJournal(k, name, path ?? JOURNAL)
      : openSyslog(k, name, path ?? SYSLOG);
  } catch (error) {
    const reason = `${reasonOf(error)} (is the service running?)`;
    throw new RuntimeError("EIO_LOG", `open ${destination}: ${reason}`);
  }
}

function openJournal(k: LocalKernel, name: string, path: string): RecordSink {
  const socket = connectUnix(k, path, SOCK_DGRAM);
  return { send: (record) => sendMessage(k, socket, encodeJournal(name, record), [], path) };
}

/** Most services take datagrams; some take streams, in which a NUL ends a record. */
function openSyslog(k: LocalKernel, name: string, path: string): RecordSink {
  let socket: number, end = "";
  try {
    socket = connectUnix(k, path, SOCK_DGRAM);
  } catch (error) {
    if (!(error instanceof OperationError) || error.errno !== EPROTOTYPE) throw error;
    socket = connectUnix(k, path, SOCK_STREAM);
    end = "\0";
  }
  const encode = (record: LogRecord) => new TextEncoder().encode(formatSyslog(name, record) + end);
  return { send: (record) => sendMessage(k, socket, encode(record), [], path) };
}

/** A record as the journal takes it: a field a line; a text of several lines has its length before it. */
export function encodeJournal(name: string, { level, message, code, place }: LogRecord): Uint8Array {
  const text = new TextEncoder().encode(message.slice(0, LONGEST));
  const head = [`PRIORITY=${SEVERITY[level]}`, `SYSLOG_IDENTIFIER=${name}`];
  if (code !== undefined) head.push(`TSRUN_CODE=${code}`);
  const { file, func } = callerOf(place);
  if (file !== undefined) head.push(`CODE_FILE=${file}`, `CODE_FUNC=${func}`);
  const several = message.includes("\n");
  const before = new TextEncoder().encode(`${head.join("\n")}\nMESSAGE${several ? "\n" : "="}`);
  const length = new Uint8Array(several ? 8 : 0);
  if (several) new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  const end = new TextEncoder().encode("\n");
  const bytes = new Uint8Array([before, length, text, end].reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of [before, length, text, end]) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** A record as syslog(3) writes it, in local time. */
export function formatSyslog(name: string, { level, message, time }: LogRecord): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  const stamp = `${MONTHS[time.getMonth()]} ${String(time.getDate()).padStart(2)} ${clock}`;
  const text = message.slice(0, LONGEST).replaceAll("\n", " ");
  return `<${FACILITY | SEVERITY[level]}>${stamp} ${name}[${ownPid()}]: ${text}`;
}
