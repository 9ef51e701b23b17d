/** The library's imports, as Deno's own parser sees them. */
import { deno, inRoot, must, root } from "./_shell.ts";

export interface Import {
  /** Path relative to the root. */
  from: string;
  line: number;
  /** Path relative to the root, or a specifier such as "node:net". */
  to: string;
  typeOnly: boolean;
  dynamic: boolean;
}

interface ModuleInfo {
  specifier: string;
  dependencies?: {
    specifier: string;
    code?: Resolution;
    type?: Resolution;
    isDynamic?: boolean;
  }[];
}

interface Resolution {
  specifier?: string;
  error?: string;
  span: { start: { line: number } };
}

/** All imports of these modules and of those that they import. */
export async function readImports(sources: readonly string[]): Promise<Import[]> {
  const imports: Import[] = [];
  const seen = new Set<string>();
  for (const source of sources) {
    if (seen.has(source)) continue;
    const graph = JSON.parse(await must(deno, ["info", "--json", inRoot(source)]));
    for (const module of graph.modules as ModuleInfo[]) {
      const from = relative(module.specifier);
      if (seen.has(from)) continue;
      seen.add(from);
      for (const { specifier, code, type, isDynamic = false } of module.dependencies ?? []) {
        const resolution = code ?? type;
        imports.push({
          from,
          line: (resolution?.span.start.line ?? 0) + 1,
          to: relative(resolution?.specifier ?? specifier),
          typeOnly: code === undefined,
          dynamic: isDynamic,
        });
      }
    }
  }
  return imports;
}

function relative(specifier: string): string {
  return specifier.startsWith(root.href) ? specifier.slice(root.href.length) : specifier;
}
