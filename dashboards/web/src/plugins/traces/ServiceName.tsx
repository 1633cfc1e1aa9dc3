// The name of a service with its colour in this trace.

import css from './TracePage.module.css';

export function ServiceName({ service, colours }: { service: string | null | undefined; colours: ReadonlyMap<string, string> }) {
  return (
    <span className={css.service}>
      <i style={{ background: `var(${colours.get(service ?? '') ?? '--series-8'})` }} />
      {service ?? 'no service'}
    </span>
  );
}
