/** `tsrun features`: the features that this runtime implements, as JSON. */
import type { Command } from "../command.ts";
import { features } from "../../../spec/features.ts";
import { libseccompVersion } from "../../features/seccomp/mod.ts";
import { writeText } from "../../host/log.ts";
import { seccompFeatures } from "../../features/seccomp/features.ts";
import { build } from "../../host/build_info.ts";

export const command: Command = {
  name: "features",
  usage: "show what this runtime implements",
  operands: "",
  description:
    "Prints the features document of the runtime specification as JSON. It says what is implemented,\n" +
    "whatever the host offers.",
  minArgs: 0,
  maxArgs: 0,
  flags: [],
  run(): number {
    const document = features({
      version: build.version,
      commit: build.commit,
      libseccomp: libseccompVersion() || undefined,
      seccomp: seccompFeatures(),
    });
    writeText(Deno.stdout, JSON.stringify(document, null, 2) + "\n");
    return 0;
  },
};
