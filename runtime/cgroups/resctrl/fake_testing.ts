/**
 * A resctrl file system in memory, for unit tests: groups come with the kernel's files and go with them.
 * @module
 */
import { FakeCgroupFs } from "../fs_testing.ts";

/** Where the fake is mounted: a real directory too, as its lock is a real one. */
export const MOUNT = "/tmp";

/** Schemata of a class that was just made. */
const DEFAULT_SCHEMATA = "    L3:0=fffff;1=fffff\n    MB:0=100;1=100\n";

const FILES: Record<string, Record<string, string>> = {
  "": { schemata: DEFAULT_SCHEMATA, tasks: "1\n", mon_groups: "", info: "" },
  "/mon_groups": {},
  "/mon_data": {},
  "/mon_data/mon_L3_00": {
    llc_occupancy: "4096\n",
    mbm_total_bytes: "9007199254740993\n",
    mbm_local_bytes: "7\n",
  },
  "/mon_data/mon_L3_01": { llc_occupancy: "0\n", mbm_total_bytes: "0\n", mbm_local_bytes: "0\n" },
  "/info": { last_cmd_status: "ok\n", L3: "", MB: "", L3_MON: "" },
  "/info/L3": { cbm_mask: "fffff\n", min_cbm_bits: "2\n", num_closids: "16\n" },
  "/info/MB": { bandwidth_gran: "10\n", delay_linear: "1\n", min_bandwidth: "10\n", num_closids: "8\n" },
  "/info/L3_MON": { mon_features: "llc_occupancy\nmbm_total_bytes\nmbm_local_bytes\n" },
};

/** See the module's description. */
export class FakeResctrl extends FakeCgroupFs {
  constructor() {
    super(Object.keys(FILES).map((path) => MOUNT + path), (dir) => ({ ...FILES[dir.slice(MOUNT.length)] }));
  }

  /** Takes an ability away: `L3`, `MB`, `L3_MON`. */
  lacks(info: string): this {
    this.tree.get(`${MOUNT}/info`)!.delete(info);
    return this;
  }

  /** Makes a group, as another program would. */
  group(path: string, files: Record<string, string> = {}): this {
    this.mkdir(MOUNT + path);
    for (const [file, text] of Object.entries(files)) this.put(MOUNT + path, file, text);
    this.log.length = 0;
    return this;
  }

  override mkdir(dir: string): number {
    const errno = super.mkdir(dir);
    if (errno !== 0) return errno;
    const parent = dir.slice(0, dir.lastIndexOf("/"));
    const files = this.tree.get(dir)!;
    files.set("tasks", "");
    if (!parent.endsWith("/mon_groups")) {
      files.set("schemata", DEFAULT_SCHEMATA).set("mon_groups", "");
      this.tree.set(`${dir}/mon_groups`, new Map());
    }
    this.tree.get(parent)!.set(dir.slice(parent.length + 1), "");
    for (const data of ["mon_data", "mon_data/mon_L3_00", "mon_data/mon_L3_01"]) {
      this.tree.set(`${dir}/${data}`, new Map(Object.entries(FILES[`/${data}`])));
    }
    return 0;
  }

  override rmdir(dir: string): number {
    for (const path of this.tree.keys()) if (path.startsWith(`${dir}/`)) this.tree.delete(path);
    const parent = dir.slice(0, dir.lastIndexOf("/"));
    this.tree.get(parent)?.delete(dir.slice(parent.length + 1));
    return super.rmdir(dir);
  }
}
