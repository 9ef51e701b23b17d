/**
 * Draws the rooms of the house and the arrows between them, and lists them in docs/design.md: both from scripts/_rooms.ts and
 * the files that are there.
 *
 *     deno task house           writes docs/house.svg and the table of docs/design.md
 *     deno task house --check   fails when they are not what would be written
 *
 * An arrow that follows from others is left out: where `net/streams` uses `net/core` and that uses `runtime`, there is no
 * arrow from `net/streams` to `runtime`.
 */
import { deno, exists, inRoot, main, must, ScriptError } from "./_shell.ts";
import { librarySources } from "./_pack.ts";
import { roomOf, rooms } from "./_rooms.ts";

const picture = "docs/house.svg";
const page = "docs/design.md";
/** The table stands between these lines of the page. */
const tableBegin = "<!-- rooms: written by `deno task house` -->";
const tableEnd = "<!-- end of rooms -->";

const width = 980;
const margin = 20;
const boxHeight = 48;
const gap = 22;
const header = 26;

interface Box {
  readonly name: string;
  readonly lines: readonly string[];
  x: number;
  y: number;
  width: number;
}

/** A floor is a folder of the root, with its rooms inside it; they stand above each other as the imports point. */
interface Floor {
  readonly name: string;
  readonly boxes: Box[];
  y: number;
  height: number;
}

/** The folders of the root from the top to the bottom of the picture; two in a row where neither uses the other. */
const floors: readonly string[] = [
  "mod.ts",
  "testing",
  "event_loop.ts",
  "subprocess",
  "net",
  "queues",
  "sync",
  "runtime",
];

function floorOf(room: string): string {
  return room.split("/")[0] ?? room;
}

/** Arrows that do not follow from others. */
function reduced(names: readonly string[], uses: (name: string) => readonly string[]): string[][] {
  const reachable = (from: string, to: string): boolean =>
    uses(from).some((next) => next === to || (names.includes(next) && reachable(next, to)));
  return names.flatMap((from) => {
    const targets = uses(from).filter((to) => names.includes(to));
    return targets
      .filter((to) => !targets.some((other) => other !== to && reachable(other, to)))
      .map((to) => [from, to]);
  });
}

/** How many arrows lie between a room and the lowest one of its floor. */
function level(room: string): number {
  const below = rooms[room]!.uses.filter((other) => floorOf(other) === floorOf(room));
  return below.length === 0 ? 0 : 1 + Math.max(...below.map(level));
}

function wrap(text: string, length: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < length) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

function layOut(counts: ReadonlyMap<string, number>): Floor[] {
  const result: Floor[] = [];
  let y = margin;
  for (const name of floors) {
    const names = Object.keys(rooms).filter((room) => floorOf(room) === name);
    const levels = Math.max(...names.map(level)) + 1;
    const boxes: Box[] = [];
    const height = header + levels * (boxHeight + gap) - gap + 14;
    for (let row = 0; row < levels; row++) {
      const inRow = names.filter((room) => level(room) === levels - 1 - row);
      const space = (width - 2 * margin - 20 - (inRow.length - 1) * gap) / inRow.length;
      const boxWidth = Math.min(space, 500);
      const left = (width - inRow.length * boxWidth - (inRow.length - 1) * gap) / 2;
      inRow.forEach((room, index) =>
        boxes.push({
          name: room,
          lines: [
            `${room} · ${counts.get(room) ?? 0}`,
            ...wrap(rooms[room]!.purpose, Math.floor(boxWidth / 6.2)).slice(0, 3),
          ],
          x: left + index * (boxWidth + gap),
          y: y + header + row * (boxHeight + gap),
          width: boxWidth,
        })
      );
    }
    result.push({ name, boxes, y, height });
    y += height + gap;
  }
  return result;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

/** A curve from the bottom of one box to the top of another. */
function arrow(from: Box, to: Box): string {
  const [x1, y1] = [from.x + from.width / 2, from.y + boxHeight];
  const [x2, y2] = [to.x + to.width / 2, to.y];
  const bend = Math.max(14, (y2 - y1) / 2);
  return `<path d="M${x1.toFixed(0)} ${y1} C${x1.toFixed(0)} ${y1 + bend} ${x2.toFixed(0)} ${
    y2 - bend
  } ${x2.toFixed(0)} ${y2 - 3}"/>`;
}

/** Files in each room. */
async function countFiles(): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const path of await librarySources()) {
    const room = roomOf(path);
    if (rooms[room] === undefined) throw new ScriptError(`${path} is in no room of _rooms.ts`);
    counts.set(room, (counts.get(room) ?? 0) + 1);
  }
  return counts;
}

/** The page with a new table: each room, what it is for, and what it uses directly. */
function withTable(text: string): string {
  const [before, after] = [text.indexOf(tableBegin), text.indexOf(tableEnd)];
  if (before < 0 || after < 0) throw new ScriptError(`${page} has no place for the table of rooms`);
  const arrows = reduced(Object.keys(rooms), (name) => rooms[name]!.uses);
  const rows = Object.entries(rooms).map(([name, { purpose }]) => {
    const uses = arrows.filter(([from]) => from === name).map(([, to]) => `\`${to}\``);
    return `| \`${name}\` | ${purpose} | ${uses.join(", ")} |`;
  });
  const table = ["| room | what is in it | uses |", "| --- | --- | --- |", ...rows.toReversed()];
  return `${text.slice(0, before)}${tableBegin}\n\n${table.join("\n")}\n\n${text.slice(after)}`;
}

function draw(counts: ReadonlyMap<string, number>): string {
  const drawn = layOut(counts);
  const last = drawn.at(-1)!;
  const boxes = new Map(drawn.flatMap((floor) => floor.boxes.map((box) => [box.name, box])));
  const inside = reduced(Object.keys(rooms), (name) => rooms[name]!.uses)
    .filter(([from = "", to = ""]) => floorOf(from) === floorOf(to));
  const floorUses = (name: string): string[] => {
    const used = Object.keys(rooms).filter((room) => floorOf(room) === name)
      .flatMap((room) => rooms[room]!.uses.map(floorOf));
    return [...new Set(used)].filter((other) => other !== name);
  };
  const height = last.y + last.height + margin;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif">`,
    `<title>The rooms of the library, their files, and which uses which</title>`,
    `<style>text{font-size:11px;fill:#1f2933}.name{font-size:13px;font-weight:600}.floor{fill:#f3f5f8;stroke:#c3ccd6}` +
    `.room{fill:#fff;stroke:#7b8794}.uses{font-size:11px;fill:#52606d}path{fill:none;stroke:#3e7cb1;stroke-width:1.2;` +
    `marker-end:url(#head)}@media(prefers-color-scheme:dark){text{fill:#e4e7eb}.floor{fill:#1f2933;stroke:#52606d}` +
    `.room{fill:#323f4b;stroke:#9aa5b1}.uses{fill:#cbd2d9}path{stroke:#7cc4fa}}</style>`,
    `<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">` +
    `<polygon points="0,0 8,4 0,8" fill="#3e7cb1"/></marker></defs>`,
  ];
  for (const floor of drawn) {
    const uses = reduced(floors, floorUses).filter(([from]) => from === floor.name).map(([, to]) =>
      to
    );
    parts.push(
      `<rect class="floor" x="${margin}" y="${floor.y}" width="${
        width - 2 * margin
      }" height="${floor.height}" rx="8"/>`,
      `<text class="name" x="${margin + 12}" y="${floor.y + 20}">${escaped(floor.name)}</text>`,
    );
    if (uses.length > 0) {
      parts.push(
        `<text class="uses" text-anchor="end" x="${width - margin - 12}" y="${floor.y + 20}">uses ${
          escaped(uses.join(", "))
        } ↓</text>`,
      );
    }
  }
  for (const [from, to] of inside) parts.push(arrow(boxes.get(from!)!, boxes.get(to!)!));
  for (const box of boxes.values()) {
    parts.push(
      `<rect class="room" x="${box.x.toFixed(0)}" y="${box.y}" width="${
        box.width.toFixed(0)
      }" height="${boxHeight}" rx="6"/>`,
      ...box.lines.map((line, index) =>
        `<text${index === 0 ? ' class="name"' : ""} x="${(box.x + 10).toFixed(0)}" y="${
          box.y + 18 + index * 14
        }">${escaped(line)}</text>`
      ),
    );
  }
  parts.push("</svg>", "");
  return parts.join("\n");
}

/** As `deno fmt` would have it, so that the gate's two checks agree. */
async function formatted(text: string): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".md" });
  try {
    await Deno.writeTextFile(file, text);
    await must(deno, ["fmt", "--quiet", "--line-width=100", file]);
    return await Deno.readTextFile(file);
  } finally {
    await Deno.remove(file);
  }
}

if (import.meta.main) {
  await main(async () => {
    const design = await Deno.readTextFile(inRoot(page));
    const wanted: Record<string, string> = {
      [picture]: draw(await countFiles()),
      [page]: await formatted(withTable(design)),
    };
    let stale = 0;
    for (const [path, text] of Object.entries(wanted)) {
      const there = await exists(inRoot(path)) ? await Deno.readTextFile(inRoot(path)) : "";
      if (there === text) continue;
      stale++;
      if (Deno.args.includes("--check")) {
        console.log(`${path} is not current; write it with: deno task house`);
      } else {
        await Deno.writeTextFile(inRoot(path), text);
        console.log(`wrote ${path}`);
      }
    }
    return Deno.args.includes("--check") && stale > 0 ? 1 : 0;
  });
}
