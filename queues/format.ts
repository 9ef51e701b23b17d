const MOST_ITEMS = 20;
const MOST_DEPTH = 3;

/** `[1, 'a', …]`: the items of a queue, the first twenty of them. */
export function formatItems(items: Iterable<unknown>, size: number, depth: number = 0): string {
  const parts: string[] = [];
  for (const item of items) {
    if (parts.length === MOST_ITEMS) {
      parts.push(`… ${size - MOST_ITEMS} more`);
      break;
    }
    parts.push(formatItem(item, depth));
  }
  return `[${parts.join(", ")}]`;
}

function formatItem(item: unknown, depth: number): string {
  switch (typeof item) {
    case "string":
      return `'${item.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n")}'`;
    case "bigint":
      return `${item}n`;
    case "function":
      return `[function ${item.name || "anonymous"}]`;
    case "object":
      if (item === null) return "null";
      if (Array.isArray(item)) {
        return depth < MOST_DEPTH ? formatItems(item, item.length, depth + 1) : "[…]";
      }
      return formatObject(item);
    default:
      return String(item);
  }
}

/** Its own `toString`, if it has one that says something. */
function formatObject(object: object): string {
  const { toString } = object;
  if (typeof toString === "function" && toString !== Object.prototype.toString) return `${object}`;
  const name: unknown = object.constructor?.name;
  return typeof name === "string" && name !== "Object" ? `[${name}]` : "{…}";
}
