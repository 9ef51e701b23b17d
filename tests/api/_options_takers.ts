// Who takes options, by the documentation that Deno makes of the sources.
import { execFileSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

interface Type {
  kind?: string;
  value?: unknown;
}

interface Property {
  name: string;
  optional?: boolean;
}

interface Parameter {
  kind: string;
  name?: string;
  tsType?: Type;
  left?: Parameter;
}

interface Callable {
  name: string;
  params?: Parameter[];
  functionDef?: { params: Parameter[] };
}

interface Declaration {
  kind: string;
  def: {
    params?: Parameter[];
    constructors?: Callable[];
    methods?: Callable[];
    callSignatures?: Callable[];
    properties?: Property[];
    tsType?: Type;
  };
}

interface Documentation {
  nodes: Record<string, { symbols: { name: string; declarations: Declaration[] }[] }>;
}

/** "startServer", "StreamWriter.startTls"; a class stands for its constructor. */
export function takersOfOptions(): Set<string> {
  const files = ["../../mod.ts", "../../testing/mod.ts"].map((file) =>
    fileURLToPath(new URL(file, import.meta.url))
  );
  const text = execFileSync(process.execPath, ["doc", "--json", ...files], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const symbols = Object.values((JSON.parse(text) as Documentation).nodes)
    .flatMap((node) => node.symbols);
  const optional = new Set<string>();
  for (const { name, declarations } of symbols) {
    if (declarations.some((one) => one.kind === "interface" && allOptional(one))) {
      optional.add(name);
    }
  }
  const takers = new Set<string>();
  for (const { name, declarations } of symbols) {
    for (const { kind, def } of declarations) {
      const add = (taker: string, params: readonly Parameter[] = []): void => {
        if (params.some((parameter) => takesOptions(parameter, optional))) takers.add(taker);
      };
      if (kind === "function") add(name, def.params);
      for (const made of def.constructors ?? []) add(name, made.params);
      for (const made of constructorsIn(def.tsType)) add(name, made.params);
      for (const method of def.methods ?? []) {
        add(`${name}.${method.name}`, method.params ?? method.functionDef?.params);
      }
    }
  }
  return takers;
}

/** `export const TestLoop: { new (options?: TestOptions): TestLoop }`. */
function constructorsIn(type: Type | undefined): Callable[] {
  if (type?.kind !== "typeLiteral") return [];
  return (type.value as { constructors?: Callable[] }).constructors ?? [];
}

function allOptional({ def }: Declaration): boolean {
  const { properties = [], methods = [], callSignatures = [] } = def;
  return properties.length > 0 && methods.length === 0 && callSignatures.length === 0 &&
    properties.every((property) => property.optional === true);
}

function takesOptions(parameter: Parameter, optional: ReadonlySet<string>): boolean {
  const { name, tsType } = parameter.left ?? parameter;
  return name === "options" || isOptions(tsType, optional);
}

function isOptions(type: Type | undefined, optional: ReadonlySet<string>): boolean {
  const value = type?.value as
    | {
      properties?: Property[];
      methods?: unknown[];
      typeName?: string;
      typeParams?: Type[];
    }
    | Type[]
    | undefined;
  if (value === undefined || value === null) return false;
  if (Array.isArray(value)) {
    return type?.kind !== "tuple" && value.some((part) => isOptions(part, optional));
  }
  if (type?.kind === "typeLiteral") {
    const { properties = [], methods = [] } = value;
    return properties.length > 0 && methods.length === 0 &&
      properties.every((property) => property.optional === true);
  }
  const { typeName = "", typeParams = [] } = value;
  if (/^(Omit|Pick|Partial|Readonly)$/.test(typeName)) return isOptions(typeParams[0], optional);
  return optional.has(typeName) || /Options$/.test(typeName);
}
