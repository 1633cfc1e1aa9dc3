// What somebody may do, as `product:resource:action` with `*` for all.

/** Permissions of this product concern all tenants: only those of the tenant `system` have them, whatever their grants say. */
const SERVER = 'server:';

/** Whether somebody who belongs to the tenant `home` may do `needed`. */
export function may({ grants, home }: { grants: readonly string[]; home: string }, needed: string): boolean {
  return (home === 'system' || !needed.startsWith(SERVER)) && allows(grants, needed);
}

/** True when one of `grants` allows `needed`. */
export function allows(grants: readonly string[], needed: string): boolean {
  const wanted = needed.split(':');
  return grants.some((grant) => {
    const parts = grant.split(':');
    return parts.length === wanted.length && parts.every((part, at) => part === '*' || part === wanted[at]);
  });
}
