// What somebody may do, as `product:resource:action` with `*` for all.

/** True when one of `grants` allows `needed`. */
export function allows(grants: readonly string[], needed: string): boolean {
  const wanted = needed.split(':');
  return grants.some((grant) => {
    const parts = grant.split(':');
    return parts.length === wanted.length && parts.every((part, at) => part === '*' || part === wanted[at]);
  });
}
