/** The CRI on this machine, with cgroups made by the runtimes themselves. */
import { testCri } from "./cri.ts";
import { LIFE } from "./life_cases.ts";
import { SECURITY } from "./security_cases.ts";

await testCri("CRI: life of pods", LIFE);
await testCri("CRI: security contexts", SECURITY);
