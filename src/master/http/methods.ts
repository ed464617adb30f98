/** Of a router: middleware has the method `ALL`. */
interface Route {
  readonly method: string;
  readonly path: string;
}

/** The methods that a path takes; none where there is no such path. */
export function allowedMethods(routes: readonly Route[], path: string): readonly string[] {
  const methods = new Set(
    routes.filter(route => route.method !== 'ALL' && matches(route, path)).map(({ method }) => method),
  );
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods].sort();
}

function matches(route: Route, path: string): boolean {
  const wanted = route.path.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length &&
    wanted.every((part, i) => (part.startsWith(':') ? given[i] !== '' : part === given[i]))
  );
}
