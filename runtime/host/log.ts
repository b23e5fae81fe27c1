/**
 * The log that clients parse: runc's (logrus') two formats, one record per line.
 *
 * containerd's shim reads the file as a stream of JSON objects and shows the last one of level `error`;
 * podman reads the whole file as one object. So at the default level a failure is
 * exactly one record: warnings about a configuration wait until the command has done its work.
 * @module
 */
import { printable } from "../../ffi/printable.ts";
import { type ErrorCode, reasonOf, RuntimeError } from "../../ffi/errors.ts";

/** Values of `--log-format`. */
export type LogFormat = "text" | "json";

/** Levels in use; `debug` is written only with `--debug`. */
export type LogLevel = "error" | "warning" | "debug";

/**
 * Who writes a record, as `--debug` tells it: a module's path, and the function or step in it. It is written
 * out at the call, because the names of the bundle are not those of the source; a test compares.
 */
export type Place = `${string}.ts ${string}`;

/** Takes lines for `--debug`. */
export type DebugSink = (line: string, place: Place) => void;

/** The values of `--log`, `--log-format` and `--debug`. */
export interface LogOptions {
  /** File to append to; absent or empty means standard error. */
  file?: string;
  /** Takes the records instead of a file. */
  service?: RecordSink;
  format: LogFormat;
  debug: boolean;
}

/** One record, for a service that keeps it. */
export interface LogRecord {
  level: LogLevel;
  message: string;
  time: Date;
  /** Of an error: see docs/errors.md. */
  code?: ErrorCode;
  /** Only with `--debug`. */
  place?: Place;
}

/** A service that keeps records: log_socket.ts. */
export interface RecordSink {
  /** @throws {OperationError} When it takes no more. */
  send(record: LogRecord): void;
}

/** Something that bytes can be written to: a file, or standard error. */
interface Sink {
  writeSync(bytes: Uint8Array): number;
}

/**
 * Writes all of a text, in as many writes as it takes.
 *
 * @throws {RuntimeError} `write standard output: <reason>`, for example when the reader has gone.
 */
export function writeText(sink: Sink, text: string): void {
  let rest: Uint8Array = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(sink.writeSync(rest));
  } catch (error) {
    const where = sink === Deno.stdout
      ? "standard output"
      : sink === Deno.stderr
      ? "standard error"
      : "the log";
    throw new RuntimeError("EIO_OUTPUT", `write ${where}: ${reasonOf(error)}`);
  }
}

/**
 * One record as a line.
 *
 * @param time The time of the record. Seconds are kept, in UTC.
 * @param code Of an error (docs/errors.md). The text format, which is runc's, has no field for it.
 * @param place Told as runc tells its callers: the text format has parentheses behind the function.
 */
export function formatRecord(
  format: LogFormat,
  level: LogLevel,
  message: string,
  time: Date,
  code?: ErrorCode,
  place?: Place,
): string {
  const stamp = time.toISOString().slice(0, 19) + "Z";
  const { func, file } = callerOf(place);
  if (format === "json") {
    return printable(JSON.stringify({ level, msg: message, time: stamp, code, func, file })) + "\n";
  }
  const caller = func === undefined ? "" : ` func="${func}()" file="${file}"`;
  // JSON leaves some characters as they are that steer a terminal.
  return `time="${stamp}" level=${level} msg=${printable(JSON.stringify(message))}${caller}\n`;
}

/** The two fields of a place; none without one. */
export function callerOf(place: Place | undefined): { func?: string; file?: string } {
  if (place === undefined) return {};
  const end = place.indexOf(" ");
  return { func: place.slice(end + 1), file: place.slice(0, end) };
}

/** The log of one command. */
export class Log {
  readonly debugging: boolean;
  readonly #file: Sink | undefined;
  readonly #service: RecordSink | undefined;
  readonly #format: LogFormat;
  readonly #held: string[] = [];

  /**
   * Opens the log file (made with mode 0644 where it is missing, close-on-exec), so that a wrong path shows
   * before anything is done.
   * @throws {RuntimeError} `open <file>: <reason>`
   */
  constructor(options: LogOptions) {
    this.debugging = options.debug;
    this.#format = options.format;
    this.#service = options.service;
    this.#file = options.file ? openLog(options.file) : undefined;
  }

  /**
   * Writes a failure, once per command: to the log, and as plain text to standard error when the log is
   * elsewhere.
   */
  error(message: string, code: ErrorCode, place?: Place): void {
    const line = printable(message);
    this.#write("error", line, place, code);
    if (this.#file || this.#service) complain(line);
  }

  /**
   * Writes something that the user should act on although the command goes on. It is rare, because podman
   * takes any record for the failure.
   */
  warn(message: string, place?: Place): void {
    this.#write("warning", printable(message), place);
  }

  /**
   * Warns once the command has done its work: a caller that takes the log of a failure for one record gets
   * one. Where people read, the warning comes at once.
   */
  warnLater(message: string, place?: Place): void {
    const read = this.#file === undefined && this.#service === undefined && this.#format === "text";
    if (this.debugging || read) this.warn(message, place);
    else this.#held.push(message);
  }

  /** The command has done its work: writes the warnings that waited for that. */
  settle(): void {
    for (const message of this.#held.splice(0)) this.warn(message);
  }

  /** Writes a line for `--debug` only. */
  debug(message: string, place: Place): void {
    if (this.debugging) this.#write("debug", message, place);
  }

  /** A log that is full, or has no reader any more, does not end the command. */
  #write(level: LogLevel, message: string, caller?: Place, code?: ErrorCode): void {
    const place = this.debugging ? caller : undefined, time = new Date();
    const record = formatRecord(this.#format, level, message, time, code, place);
    if (this.#file === undefined && this.#service === undefined) return complain(record.trimEnd());
    try {
      if (this.#file) writeText(this.#file, record);
      else this.#service!.send({ level, message, time, code, place });
    } catch (error) {
      complain(reasonOf(error));
    }
  }
}

/** Writes a line to standard error. */
function complain(line: string): void {
  try {
    writeText(Deno.stderr, line + "\n");
  } catch { /* nobody does */ }
}

function openLog(path: string): Sink {
  try {
    return Deno.openSync(path, { append: true, create: true, mode: 0o644 });
  } catch (error) {
    throw new RuntimeError("EIO_LOG", `open ${path}: ${reasonOf(error)}`);
  }
}
