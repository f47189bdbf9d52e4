/** Texts from outside, cut to a length that is fit to be shown. */

/** The longest text that is shown whole, in characters. */
const SHOWN_LENGTH = 200;

/** The beginning of a text, or all of it when it is short. */
export function excerpt(text: string, length: number = SHOWN_LENGTH): string {
  // No character is made of more than two units: that many are enough.
  const characters = [...text.slice(0, 2 * length + 2)];
  if (characters.length <= length) return text;
  return `${characters.slice(0, length).join("")}…`;
}
