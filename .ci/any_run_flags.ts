/**
 * The flags of a program that is made for any target and any subcommand;
 * docs/deploy/README.md says why.
 */
export const ANY_RUN_FLAGS: readonly string[] = [
  "--no-prompt",
  "--allow-net",
  "--allow-env",
  "--allow-read",
  "--allow-write",
  "--allow-run",
  "--allow-sys=osRelease,homedir",
];
