/** `tsrun doctor`: what this host can and cannot do for containers. */
import { local } from "../../../ffi/local.ts";
import { build } from "../../host/build_info.ts";
import { callerEnvironment } from "../../host/caller.ts";
import { writeText } from "../../host/log.ts";
import { HostMounts } from "../../host/mounts.ts";
import { thisHost } from "../../host/view.ts";
import { painter } from "../colours.ts";
import type { Command, Context } from "../command.ts";
import { examine, verdict } from "../doctor/doctor.ts";
import { HostTrials } from "../doctor/host_trials.ts";
import { chosenFormat, FORMAT } from "../format_flag.ts";
import { examinationJson, formatExamination } from "../doctor/report.ts";

export const command: Command = {
  name: "doctor",
  usage: "show what this host can and cannot do for containers",
  operands: "",
  description:
    "Tries, as the caller, what containers need: each finding is ok, limited or missing, and says what that\n" +
    "means and what mends it. Trials run in children that end at once; nothing of the host is changed.\n" +
    "`tsrun features` tells what is implemented, this command what works here.\n" +
    "\n" +
    "Exit status: 1 if something is missing without which this caller can make no container; 0.",
  minArgs: 0,
  maxArgs: 0,
  flags: [FORMAT],
  async run({ global, flags }: Context): Promise<number> {
    const format = chosenFormat(flags);
    const view = thisHost(local());
    using trials = new HostTrials(local());
    const examined = await examine({
      ...{ view, trials, root: global.root, criu: global.criu },
      mountinfo: new HostMounts().text,
      fromSnapshot: build.fromSnapshot === true,
      env: callerEnvironment(),
    });
    writeText(
      Deno.stdout,
      format === "json"
        ? examinationJson(examined, view, build.version)
        : formatExamination(examined, painter()),
    );
    return verdict(examined);
  },
};
