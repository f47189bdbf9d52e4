/**
 * Draws the pictures in the README, from what the demo and the doctor print.
 */

import { demoPicture, doctorPicture, ROOT } from "./pictures.ts";
import { drawTerminal } from "./terminal_svg.ts";

for (const take of [demoPicture, doctorPicture]) {
  const { file, command, output, title } = await take();
  const svg = drawTerminal(command, output, title);
  await Deno.writeTextFile(new URL(`docs/${file}`, ROOT), svg);
  console.log(`docs/${file}`);
}
