/**
 * podman starts containers with tsrun, through conmon. Each case runs the same command under Debian's runc
 * too, and compares all that can be seen.
 */
import { CASES } from "./podman_cases.ts";
import { testPodman } from "./podman.ts";

testPodman("podman", CASES);
