/**
 * The doctor's look at Deno's permissions.
 *
 * @module
 */

import { commaNotes, type Need } from "../../permissions.ts";
import { findNeeds, permissionFlags } from "../needs.ts";
import type { Checkup } from "./checkup.ts";

/**
 * Checks whether the program was given what it needs.
 *
 * @param checkup What the steps share.
 * @returns Whether it may reach the target.
 */
export async function checkPermissions(
  { context, config, report }: Checkup,
): Promise<boolean> {
  const mayReach = await report.take<boolean>("permissions", async () => {
    const needs = await findNeeds(config, context, { hereOnly: true });
    const missing = context.notGranted(needs);
    const isOwn = ({ value }: Need) => value.startsWith("MCP_");
    const own = missing.filter(isOwn);
    const others = missing.filter((need) => !isOwn(need));
    const value = !others.some(({ why }) => why === "reach the target");
    const hidden = own.length === 0 ? [] : [
      "variables that begin with MCP_ are not looked at; to have them count, " +
      `add ${flagsText(own)}`,
    ];
    if (others.length === 0) {
      const kinds = [...new Set(needs.map(({ kind }) => kind))];
      return {
        detail: `enough for this target (${kinds.join(", ")})`,
        advice: hidden,
        facts: { needed: permissionFlags(needs) },
        value,
      };
    }
    const purposes = [...new Set(others.map(({ why }) => `to ${why}`))];
    const flags = flagsText(others);
    return {
      status: "failed",
      detail: `no permission ${purposes.join(", ")}`,
      advice: [
        ...(flags === "" ? [] : [`add ${flags}`]),
        ...commaNotes(others),
        ...hidden,
      ],
      facts: {
        needed: permissionFlags(needs),
        missing: permissionFlags(others).slice(1),
      },
      value,
    };
  });
  return mayReach ?? false;
}

function flagsText(needs: readonly Need[]): string {
  return permissionFlags(needs).slice(1).join(" ");
}
