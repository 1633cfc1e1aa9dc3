// Names in statements, as `$from` and `$service`: found as the server finds them for panels (dashboards/src/statement.rs).

export interface Name {
  /** Without its `$`; digits for a parameter that has a number. */
  name: string;
  /** Where its `$` is. */
  at: number;
}

// What hides names is matched as a whole: texts in quotes and between `$$`, quoted names, comments to the end of a line, and the begin of others.
const PARTS = /'(?:[^']|'')*'?|"(?:[^"]|"")*"?|--[^\n]*|\/\*|\$(?<tag>(?:[A-Za-z_]\w*)?)\$[\s\S]*?(?:\$\k<tag>\$|$)|\$(?<name>\w+)/g;

/** All names of a statement, each as often as it is there. */
export function namesIn(sql: string): Name[] {
  const names: Name[] = [];
  const parts = new RegExp(PARTS);
  for (let part = parts.exec(sql); part !== null; part = parts.exec(sql)) {
    const name = part.groups?.name;
    if (name !== undefined) names.push({ name, at: part.index });
    if (part[0] === '/*') parts.lastIndex = commentEnd(sql, parts.lastIndex);
  }
  return names;
}

/** `sql` with what stands for each name; one that nothing stands for stays. */
export function filled(sql: string, standsFor: (name: string) => string | undefined): string {
  let [text, done] = ['', 0];
  for (const { name, at } of namesIn(sql)) {
    const written = standsFor(name);
    if (written === undefined) continue;
    text += sql.slice(done, at) + written;
    done = at + 1 + name.length;
  }
  return text + sql.slice(done);
}

/** Comments may stand in comments. */
function commentEnd(sql: string, start: number): number {
  const edges = /\/\*|\*\//g;
  edges.lastIndex = start;
  let depth = 1;
  for (let edge = edges.exec(sql); edge !== null; edge = edges.exec(sql)) {
    depth += edge[0] === '/*' ? 1 : -1;
    if (depth === 0) return edges.lastIndex;
  }
  return sql.length;
}
