/**
 * The flag `--format text|json` of commands that print for people and for programs.
 * @module
 */
import { RuntimeError } from "../../ffi/errors.ts";
import type { Flag, FlagValues } from "./flags.ts";

/** The flag. */
export const FORMAT: Flag = {
  name: "format",
  short: "f",
  kind: "string",
  usage: "text or json",
  default: "text",
  values: ["text", "json"],
};

/** The flag where `-f` means something else. */
export const FORMAT_WITHOUT_LETTER: Flag = { ...FORMAT, short: undefined };

/** The format that was asked for. @throws {RuntimeError} It is another one. */
export function chosenFormat(flags: FlagValues): "text" | "json" {
  const format = flags.string("format");
  if (format === "text" || format === "json") return format;
  throw new RuntimeError(
    "EINVAL_FLAG",
    `invalid --format value ${JSON.stringify(format)}: want text or json`,
  );
}
