// Permissions as a table: products and their resources, actions beside them, a star for all of each.

const STAR = '*';
const FIRST_ACTIONS = ['read', 'write'];

export interface ResourceRow {
  resource: string;
  /** What can be given of it; a star for all, too. */
  actions: string[];
}

export interface ProductRows {
  product: string;
  rows: ResourceRow[];
}

interface Parts {
  product: string;
  resource: string;
  action: string;
}

/** A description of the API, as far as it tells who may use a route. */
export interface Description {
  paths?: Record<string, Record<string, unknown>>;
}

/** Every permission that a route of the API asks for. */
export function permissionsOf({ paths = {} }: Description): string[] {
  const found = new Set<string>();
  for (const operations of Object.values(paths)) {
    for (const operation of Object.values(operations)) {
      for (const permission of neededBy(operation) ?? []) found.add(permission);
    }
  }
  return [...found].sort();
}

/** How many routes the API has of a plugin. */
export function routesOf({ paths = {} }: Description, plugin: string): number {
  const own = Object.entries(paths).filter(([path]) => path.startsWith(`/api/v1/${plugin}/`));
  return own.reduce((sum, [, operations]) => sum + Object.values(operations).filter((operation) => neededBy(operation) !== undefined).length, 0);
}

/** What one must be allowed for it; undefined for what is no operation, as the parameters of a path. */
function neededBy(operation: unknown): string[] | undefined {
  if (typeof operation !== 'object' || operation === null || !('security' in operation) || !Array.isArray(operation.security)) return undefined;
  return (operation.security as { caller?: string[] }[]).flatMap((each) => each.caller ?? []);
}

/** Rows for all that is known, and for what only `grants` name; what is for everything comes first. */
export function rowsOf(permissions: readonly string[], grants: readonly string[]): ProductRows[] {
  const products = new Map<string, Map<string, Set<string>>>([[STAR, new Map([[STAR, new Set(FIRST_ACTIONS)]])]]);
  for (const each of [...permissions, ...grants]) {
    const { product, resource, action } = partsOf(each);
    const resources = products.get(product) ?? new Map<string, Set<string>>([[STAR, new Set()]]);
    products.set(product, resources);
    resources.set(resource, (resources.get(resource) ?? new Set()).add(action));
    if (product !== STAR) resources.get(STAR)?.add(action);
  }
  return [...products].sort(starFirst).map(([product, resources]) => ({
    product,
    rows: [...resources].sort(starFirst).map(([resource, actions]) => ({ resource, actions: ordered(actions) })),
  }));
}

/** All actions of the rows, as columns of one table. */
export function actionsOf(rows: readonly ResourceRow[]): string[] {
  return ordered(new Set(rows.flatMap(({ actions }) => actions)));
}

/** Whether `grants` have it: by itself, as a part of a wider grant, or not. */
export function standingOf(grants: readonly string[], grant: string): 'own' | 'wider' | 'none' {
  if (grants.includes(grant)) return grants.some((each) => each !== grant && covers(each, grant)) ? 'wider' : 'own';
  return grants.some((each) => covers(each, grant)) ? 'wider' : 'none';
}

/** With `grant`, and without those it makes superfluous; or without it. */
export function toggled(grants: readonly string[], grant: string): string[] {
  if (grants.includes(grant)) return grants.filter((each) => each !== grant);
  return [...grants.filter((each) => !covers(grant, each)), grant].sort();
}

/** Whether all that `other` allows is allowed by `grant`. */
export function covers(grant: string, other: string): boolean {
  const [wide, narrow] = [grant.split(':'), other.split(':')];
  return wide.every((part, at) => part === STAR || part === narrow[at]);
}

function partsOf(permission: string): Parts {
  const [product = '', resource = '', action = ''] = permission.split(':');
  return { product, resource, action };
}

function ordered(actions: ReadonlySet<string>): string[] {
  const others = [...actions].filter((action) => action !== STAR && !FIRST_ACTIONS.includes(action)).sort();
  return [...FIRST_ACTIONS.filter((action) => actions.has(action)), ...others, STAR];
}

function starFirst([one]: [string, unknown], [other]: [string, unknown]): number {
  return Number(other === STAR) - Number(one === STAR) || one.localeCompare(other);
}
