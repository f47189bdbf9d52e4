/** Bars as an SVG that can be read on a light page and on a dark one. */

/** One program in a panel. */
export interface Bar {
  readonly name: string;
  /** What was measured; not drawn where it is no number. */
  readonly value: number;
  /** Whether it is this program. */
  readonly isOurs: boolean;
}

/** What is compared: shorter is better. */
export interface Panel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 720;
const MARGIN = 16;
const NAME_WIDTH = 190;
const VALUE_WIDTH = 80;
const BAR_HEIGHT = 16;
const ROW_HEIGHT = 22;
const TITLE_HEIGHT = 40;

/** Bars of more than this, times our own, are cut: the others would be dots. */
const LONGEST = 5;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .other { fill: #8c959f; }
  .ours { fill: #0969da; }
  .cut { stroke: #ffffff; stroke-width: 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .other { fill: #6e7681; }
    .ours { fill: #4493f8; }
    .cut { stroke: #0d1117; }
  }`;

/** Draws the panels one below the other. */
export function drawPlot(panels: readonly Panel[]): string {
  let y = MARGIN;
  const drawn: string[] = [];
  for (const panel of panels) {
    const bars = panel.bars.filter(({ value }) => !Number.isNaN(value));
    drawn.push(...drawPanel({ ...panel, bars }, y));
    y += TITLE_HEIGHT + bars.length * ROW_HEIGHT;
  }
  const height = y + MARGIN;
  const label = panels.map((panel) => spoken(panel)).join(". ");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${
      escape(label)
    }">`,
    `<style>${STYLE}\n</style>`,
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

function drawPanel({ title, bars }: Panel, top: number): string[] {
  const ours = bars.find(({ isOurs }) => isOurs)?.value ?? Infinity;
  const longest = Math.min(
    Math.max(...bars.map(({ value }) => value)),
    LONGEST * ours,
  );
  const left = MARGIN + NAME_WIDTH;
  const room = WIDTH - left - VALUE_WIDTH - MARGIN;
  const rows = bars.flatMap(({ name, value, isOurs }, index) => {
    const y = top + TITLE_HEIGHT + index * ROW_HEIGHT;
    const base = y + 13;
    const width = Math.round(room * Math.min(1, value / longest));
    const cut = left + width - 24;
    return [
      `<text x="${left - 8}" y="${base}" text-anchor="end"${
        isOurs ? ' class="title"' : ""
      }>${escape(name)}</text>`,
      `<rect class="${
        isOurs ? "ours" : "other"
      }" x="${left}" y="${y}" width="${width}" height="${BAR_HEIGHT}"/>`,
      ...value > longest
        ? [
          `<path class="cut" d="M${cut} ${y + BAR_HEIGHT + 2}l8 -${
            BAR_HEIGHT + 4
          }"/>`,
        ]
        : [],
      `<text x="${left + width + 8}" y="${base}">${shown(value)}</text>`,
    ];
  });
  return [
    `<text class="title" x="${MARGIN}" y="${top + 24}">${escape(title)}</text>`,
    ...rows,
  ];
}

function spoken({ title, bars }: Panel): string {
  const values = bars.map(({ name, value }) => `${name} ${shown(value)}`);
  return `${title}: ${values.join(", ")}`;
}

function shown(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll('"', "&quot;");
}
