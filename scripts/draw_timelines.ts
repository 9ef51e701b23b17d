/**
 * Draws the pictures of docs/guide/several_lines.md: the tree of scopes of a program and a timeline of its lines. The programs
 * are run in virtual time, so that a picture shows what does happen.
 *
 *     deno task timelines           writes docs/pictures/*.svg
 *     deno task timelines --check   fails when they are not what would be written
 */
import { getRunningLoop, run, sleep } from "../mod.ts";
import { TestLoop } from "../testing/mod.ts";
import { type Bar, Film, type Mark } from "./_timeline_film.ts";
import { type Scene, scenes } from "./_timeline_scenes.ts";
import { exists, inRoot, main } from "./_shell.ts";

const folder = "docs/pictures";

const width = 860;
const treeWidth = 190;
const left = 215;
const right = 20;
const rowHeight = 46;
const barHeight = 24;
const labelHeight = 18;

const style =
  "text{font:12px system-ui,sans-serif;fill:#1f2933}.title{font-weight:600;font-size:14px}.small{font-size:11px}" +
  ".axis{stroke:#9aa5b1}.wait{fill:#d1e3fa;stroke:#3e7cb1}.foreign{fill:#eee3d0;stroke:#a67c3b}" +
  ".asked{stroke:#c0392b;stroke-dasharray:5 3}.ended{stroke:#52606d;stroke-width:2}.hit{fill:#c0392b}" +
  ".scope{fill:#fff;stroke:#7b8794}.line{fill:#f3f5f8;stroke:#c3ccd6}.edge{stroke:#7b8794;fill:none}" +
  "@media(prefers-color-scheme:dark){text{fill:#e4e7eb}.wait{fill:#274b72}.foreign{fill:#5a4522}.scope{fill:#323f4b}" +
  ".line{fill:#1f2933;stroke:#52606d}.ended{stroke:#cbd2d9}}";

async function film(scene: Scene): Promise<Film> {
  const film = new Film();
  const loopFactory = () => {
    // Their foreign awaits are timers of the loop: nothing outside is to be waited for.
    const loop = new TestLoop({ realIo: false });
    // What goes on after the end of the scene is reported: no news here.
    loop.setExceptionHandler(() => {});
    return loop;
  };
  await run(async () => {
    const loop = getRunningLoop();
    await scene.play(film);
    await sleep(Math.max(0, scene.seconds - loop.time()));
  }, { loopFactory });
  return film;
}

function draw(scene: Scene, { bars, marks }: Film): string {
  const top = 48 + scene.scopes.length * labelHeight;
  const height = top + scene.lines.length * rowHeight + 54;
  const x = (time: number): number =>
    Math.round(left + Math.min(time, scene.seconds) / scene.seconds * (width - left - right));
  const y = (line: string): number => top + scene.lines.indexOf(line) * rowHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}">`,
    `<title>${escaped(scene.title)}</title>`,
    `<style>${style}</style>`,
    text(20, 24, scene.title, "title"),
    ...tree(scene, y),
    ...axis(scene, x, height - 46),
    ...bars.flatMap((bar) => barOf(bar, scene, x, y)),
    ...bars.filter(({ end }) => end !== "well").map((bar) => hitOf(bar, x(bar.to!), y(bar.line))),
    ...marks.flatMap((mark, index) => markOf(mark, index, x, top, height)),
    ...legend(height - 10),
    "</svg>",
    "",
  ].join("\n");
}

function tree({ scopes, lines }: Scene, y: (line: string) => number): string[] {
  const parts: string[] = [];
  const end = y(lines.at(-1)!) + barHeight + 8 + scopes.length * 6;
  scopes.forEach((scope, index) => {
    const inset = index * 8;
    const from = 36 + index * labelHeight;
    parts.push(
      `<rect class="scope" x="${10 + inset}" y="${from}" width="${treeWidth - 2 * inset}" height="${
        end - from - index * 6
      }" rx="6"/>`,
      text(18 + inset, from + 14, scope, "small"),
    );
  });
  for (const line of lines) {
    parts.push(
      `<rect class="line" x="34" y="${y(line)}" width="142" height="${barHeight}" rx="12"/>`,
      text(46, y(line) + 16, line),
    );
  }
  return parts;
}

function axis({ seconds }: Scene, x: (time: number) => number, y: number): string[] {
  const step = [0.05, 0.1, 0.25, 0.5].find((step) => seconds / step <= 6) ?? 1;
  const parts = [`<line class="axis" x1="${left}" y1="${y}" x2="${width - right}" y2="${y}"/>`];
  for (let n = 0; n * step <= seconds + 1e-9; n++) {
    const time = n * step;
    const label = seconds < 1 ? `${Math.round(time * 1000)} ms` : `${Number(time.toFixed(2))} s`;
    parts.push(
      `<line class="axis" x1="${x(time)}" y1="${y}" x2="${x(time)}" y2="${y + 4}"/>`,
      text(x(time), y + 15, label, "small", "middle"),
    );
  }
  return parts;
}

function barOf(
  bar: Bar,
  scene: Scene,
  x: (time: number) => number,
  y: (line: string) => number,
): string[] {
  const from = x(bar.from);
  const to = x(bar.to ?? scene.seconds);
  const row = y(bar.line);
  const parts = [
    `<rect class="${bar.kind}" x="${from}" y="${row}" width="${
      Math.max(2, to - from)
    }" height="${barHeight}" rx="3"/>`,
  ];
  if (bar.label.length * 6.6 < to - from) parts.push(text(from + 5, row + 16, bar.label));
  return parts;
}

function hitOf({ end }: Bar, x: number, row: number): string {
  const y = row + barHeight / 2;
  return `<circle class="hit" cx="${x}" cy="${y}" r="5"><title>${end}</title></circle>`;
}

function markOf(
  { at, label, kind }: Mark,
  index: number,
  x: (time: number) => number,
  top: number,
  height: number,
): string[] {
  const place = x(at);
  const row = top - 12 - (index % 2) * 12;
  const anchor = place > width * 0.6 ? "end" : "start";
  return [
    `<line class="${kind}" x1="${place}" y1="${row - 8}" x2="${place}" y2="${height - 46}"/>`,
    text(place + (anchor === "end" ? -5 : 5), row, label, "small", anchor),
  ];
}

function legend(y: number): string[] {
  return [
    `<rect class="wait" x="${left}" y="${y - 9}" width="14" height="9"/>`,
    text(left + 19, y, "asyncio's wait", "small"),
    `<rect class="foreign" x="${left + 120}" y="${y - 9}" width="14" height="9"/>`,
    text(left + 139, y, "another wait", "small"),
    `<circle class="hit" cx="${left + 247}" cy="${y - 4}" r="5"/>`,
    text(left + 258, y, "ended by the request", "small"),
  ];
}

function text(x: number, y: number, content: string, kind = "", anchor = "start"): string {
  const attributes = (kind === "" ? "" : ` class="${kind}"`) +
    (anchor === "start" ? "" : ` text-anchor="${anchor}"`);
  return `<text${attributes} x="${x}" y="${y}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

if (import.meta.main) {
  await main(async () => {
    const check = Deno.args.includes("--check");
    let stale = 0;
    await Deno.mkdir(inRoot(folder), { recursive: true });
    for (const scene of scenes) {
      const path = `${folder}/${scene.name}.svg`;
      const wanted = draw(scene, await film(scene));
      const there = await exists(inRoot(path)) ? await Deno.readTextFile(inRoot(path)) : "";
      if (there === wanted) continue;
      stale++;
      if (check) console.log(`${path} is not current; write it with: deno task timelines`);
      else {
        await Deno.writeTextFile(inRoot(path), wanted);
        console.log(`wrote ${path}`);
      }
    }
    return check && stale > 0 ? 1 : 0;
  });
}
