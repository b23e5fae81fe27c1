/**
 * Names of kernel parameters: sysctl(8), sysctl.d(5).
 *
 * @module
 */

/**
 * Path of a kernel parameter below /proc/sys.
 *
 * Of `.` and `/`, the one that occurs first separates the components, and the other one then stands for a dot
 * in a component: `net.ipv4.conf.eth0/1.mtu` and `net/ipv4/conf/eth0.1/mtu` are the same.
 *
 * The path is not safe by itself: see `isSysctlName`.
 */
export function sysctlPath(name: string): string {
  const separator = /[./]/.exec(name)?.[0];
  return separator === "." ? swapSeparators(name) : name;
}

/** The parameter's name with `.` between its components, which is how rules and messages name it. */
export function sysctlName(name: string): string {
  return swapSeparators(sysctlPath(name));
}

/** Whether the name leads to a file below /proc/sys: no component is empty or one of `.` and `..`. */
export function isSysctlName(name: string): boolean {
  const components = sysctlPath(name).split("/");
  return components.length > 1 && components.every((it) => it !== "" && it !== "." && it !== "..");
}

function swapSeparators(name: string): string {
  return name.replace(/[./]/g, (it) => it === "." ? "/" : ".");
}
