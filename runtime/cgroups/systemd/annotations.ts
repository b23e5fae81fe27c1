/**
 * Properties of a container's unit from its config: annotations `org.systemd.property.<Name>`.
 *
 * They give the config's author power over the host's systemd; the features document warns of that. Source:
 * runc's documentation of them. Its names and errors are kept.
 * @module
 */
import { parseVariant } from "../../dbus/text.ts";
import type { Variant } from "../../dbus/value.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { Property } from "./manager.ts";

const PREFIX = "org.systemd.property.";
const MICROSECONDS = 1_000_000;

/**
 * The properties in annotations. `TimeoutStopSec`, as in unit files, becomes the bus's `TimeoutStopUSec`.
 *
 * @throws {RuntimeError} with the annotation and its fault.
 */
export function annotatedProperties(annotations: Readonly<Record<string, string>>): Property[] {
  const properties: Property[] = [];
  for (const [key, text] of Object.entries(annotations)) {
    if (!key.startsWith(PREFIX)) continue;
    const name = key.slice(PREFIX.length);
    const wrong = name.length < 3
      ? "too short"
      : /[^A-Za-z]/.test(name)
      ? "contains non-alphabetic character"
      : "";
    if (wrong !== "") {
      throw new RuntimeError("EINVAL_ANNOTATION", `annotation ${key} name incorrect: ${wrong}`);
    }
    try {
      const value = parseVariant(text);
      const seconds = /[a-z]Sec$/.test(name);
      properties.push(seconds ? [`${name.slice(0, -3)}USec`, toMicroseconds(value)] : [name, value]);
    } catch (error) {
      throw new RuntimeError(
        "EINVAL_ANNOTATION",
        `annotation ${key}=${text} value parse error: ${(error as Error).message}`,
      );
    }
  }
  return properties;
}

function toMicroseconds({ signature, value }: Variant): Variant {
  if (!"ynqiuxtd".includes(signature)) throw new TypeError("not a number");
  const micro = signature === "d"
    ? BigInt(Math.trunc(Number(value) * MICROSECONDS))
    : BigInt(value as number | bigint) * BigInt(MICROSECONDS);
  return { signature: "t", value: BigInt.asUintN(64, micro) };
}
