/**
 * How this machine reaches npm's registry: for tests that load a package, while
 * nothing else of the machine's environment is to be seen.
 */

/** Where .ci/run_tests.ts hands the variables on, which it takes away. */
export const REGISTRY_VARIABLE = "TEST_REGISTRY";

/** The home has npm's settings and its cache. */
const NAMES =
  /^(?:home|userprofile|appdata|localappdata|deno_cert|deno_tls_ca_store|node_extra_ca_certs|ssl_cert_(?:dir|file)|(?:all|https?|no)_proxy|npm_config_.*)$/i;

/** The variables. */
export function registryVariables(): Record<string, string> {
  const handedOn = Deno.env.get(REGISTRY_VARIABLE);
  if (handedOn !== undefined) return JSON.parse(handedOn);
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => NAMES.test(name)),
  );
}
