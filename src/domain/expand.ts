/**
 * Replaces `$(NAME)` by a value; `$$(NAME)` is a literal `$(NAME)`, and a name that is not there stays as it is: as in
 * Kubernetes' own commands and variables. Values are not looked through again.
 *
 * @example expand('Bearer $(TOKEN), $$(TOKEN), $(OTHER)', { TOKEN: 'x' }) // { text: 'Bearer x, $(TOKEN), $(OTHER)', used: ['TOKEN'] }
 */
export function expand(
  text: string,
  values: Readonly<Record<string, string>>,
): { readonly text: string; readonly used: readonly string[] } {
  const used: string[] = [];
  const expanded = text.replace(/\$(\$?)\(([A-Za-z_][A-Za-z0-9_]*)\)/g, (whole, escaped: string, name: string) => {
    if (escaped !== '') return whole.slice(1);
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) return whole;
    used.push(name);
    return value;
  });
  return { text: expanded, used };
}
