/**
 * What the manual pages say beyond the table of commands and flags.
 * @module
 */

/** Of the page of tsrun: paragraphs. */
export const DESCRIPTION: readonly string[] = [
  "`tsrun` makes and runs containers as the runtime specification of the Open Container Initiative (OCI) " +
  "describes them. Docker, containerd, podman and CRI-O call it in the place of `runc`, whose commands, " +
  "options, files and exit codes it has.",
  "A container is made from a bundle: a directory with a config.json (`tsrun spec` writes a first one) and a " +
  "root filesystem. `tsrun run` makes one, runs it and removes it; `tsrun create`, `tsrun start` and " +
  "`tsrun delete` do the same in steps. The id of a container is a name of your choice, unique under the " +
  "directory of --root: letters, digits, _, +, - and the full stop.",
  "A failure is told in one line, which is in the log too if there is one (--log). With --log-format json it " +
  "has a stable code.",
];

/** Paragraphs by the name of a command; the empty name is of those that are not here. */
export const EXIT_STATUS: Readonly<Record<string, string>> = {
  "": "0 on success, 1 on a failure.",
  tsrun:
    "0 on success, 1 on a failure, 3 for an unknown command. `run` and `exec` in the foreground have the " +
    "status of the program that they ran. If a signal ended the command, 128 and the signal's number.",
  run:
    "In the foreground that of the container's program: 128 and the signal's number if a signal ended it. " +
    "1 on a failure before the program ran.",
  restore:
    "In the foreground that of the container's program: 128 and the signal's number if a signal ended " +
    "it. 1 on a failure before the program ran.",
  wait:
    "That of the container's process: 128 and the signal's number if a signal ended it. 125 where it is not " +
    "known, and on a failure.",
  validate: "0, or 1 if `create` would refuse a config, or 2 with --strict for any other finding.",
  doctor: "0, or 1 if something is missing without which this caller can make no container.",
  exec: "In the foreground that of the program: 128 and the signal's number if a signal ended it. 255 on a " +
    "failure before the program ran.",
};

/** Name and meaning. */
export const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ["XDG_RUNTIME_DIR", "For callers other than root the state of containers is kept in its directory tsrun."],
  [
    "NOTIFY_SOCKET",
    "Socket of a service manager: `start` and `run` pass on what the container says of its readiness.",
  ],
  ["TSRUN_TRACE", "Means the same as --trace, for clients that cannot pass flags."],
  ["TRACEPARENT", "The caller's span, of which a trace in the format otlp is a part."],
  ["LISTEN_FDS", "Sockets of a service manager, which the container's program gets."],
  ["PATH", "Where `ps` looks for the host's ps, and criu is looked for."],
];

/** Path and meaning. */
export const FILES: readonly (readonly [string, string])[] = [
  ["/run/tsrun/ID/state.json", "The record of a container, until it is deleted."],
  ["/run/tsrun/ID/config.json", "Its configuration as it was when the container was made."],
  ["BUNDLE/config.json", "The configuration that a container is made from."],
];

/** What is shown, and what is typed: by the name of a command, or `tsrun`. */
export const EXAMPLES: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  tsrun: [
    [
      "A first container, of a root filesystem that Docker knows:",
      "mkdir -p box/rootfs && cd box\ndocker export $(docker create busybox) | tar -C rootfs -x\ntsrun spec\ntsrun run first",
    ],
    ["The same in steps:", "tsrun create first\ntsrun start first\ntsrun delete first"],
  ],
  create: [[
    "From a bundle elsewhere, with the process id in a file:",
    "tsrun create --bundle /srv/web --pid-file /run/web.pid web",
  ]],
  exec: [
    ["A shell in a container:", "tsrun exec --tty web /bin/sh"],
    ["As another user, with a variable:", "tsrun exec --user 1000:1000 --env LANG=C web id"],
  ],
  kill: [["End all processes of a container:", "tsrun kill web KILL"]],
  validate: [
    ["The bundle in the working directory, warnings included:", "tsrun validate --strict"],
    ["A document by itself, whatever this host can do:", "tsrun validate --host none config.json"],
  ],
  doctor: [["What this host can and cannot do:", "tsrun doctor"]],
  wait: [["Until the program ends:", "tsrun wait web"]],
  trace: [
    [
      "All commands of a container on one axis, as a picture:",
      "tsrun trace merge --output web.svg /var/log/tsrun",
    ],
  ],
  list: [["For programs:", "tsrun list --format json"]],
  run: [["From a bundle elsewhere, not in the foreground:", "tsrun run --detach --bundle /srv/web web"]],
  update: [[
    "Half a CPU and 256 MiB of memory:",
    "tsrun update --cpu-period 100000 --cpu-quota 50000 --memory 256m web",
  ]],
  checkpoint: [[
    "Save a container, and go on with it later:",
    "tsrun checkpoint --image-path /srv/image web\ntsrun restore --image-path /srv/image --bundle /srv/web web",
  ]],
  events: [["Measurements, one in ten seconds:", "tsrun events --interval 10s web"]],
  completion: [[
    "Where bash looks for it:",
    "tsrun completion bash > /usr/share/bash-completion/completions/tsrun",
  ]],
};

/** Other pages that belong to a command. */
export const OTHER_PAGES: Readonly<Record<string, readonly (readonly [string, number])[]>> = {
  checkpoint: [["tsrun-restore", 8], ["criu", 8]],
  restore: [["tsrun-checkpoint", 8], ["criu", 8]],
  create: [["tsrun-start", 8], ["tsrun-delete", 8], ["tsrun-spec", 8], ["namespaces", 7], ["cgroups", 7]],
  start: [["tsrun-create", 8]],
  run: [["tsrun-create", 8], ["tsrun-spec", 8]],
  exec: [["tsrun-ps", 8], ["setns", 2]],
  kill: [["signal", 7]],
  pause: [["tsrun-resume", 8]],
  resume: [["tsrun-pause", 8]],
  ps: [["ps", 1]],
  update: [["cgroups", 7]],
};
