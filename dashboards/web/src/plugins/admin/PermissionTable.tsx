// What grants allow, by product, resource and action; with `onChange`, each can be given and taken.

import { Fragment } from 'react';
import { Checkbox } from '../../components/Checkbox';
import { Icon } from '../../components/Icon';
import css from './PermissionTable.module.css';
import { actionsOf, rowsOf, standingOf, toggled, type ProductRows } from './permissions';

interface PermissionTableProps {
  grants: readonly string[];
  /** All permissions that there are. */
  known: readonly string[];
  onChange?: ((grants: string[]) => void) | undefined;
}

export function PermissionTable({ grants, known, onChange }: PermissionTableProps) {
  const products = rowsOf(known, grants);
  const actions = actionsOf(products);
  return (
    <div className={css.scroller}>
      <table className={css.table}>
        <thead>
          <tr>
            <th scope="col">Of</th>
            {actions.map((action) => (
              <th key={action} scope="col">
                {action === '*' ? 'everything' : action}
              </th>
            ))}
          </tr>
        </thead>
        {products.map((each) => (
          <Product key={each.product} of={each} actions={actions} grants={grants} onChange={onChange} />
        ))}
      </table>
    </div>
  );
}

interface ProductProps extends Pick<PermissionTableProps, 'grants' | 'onChange'> {
  of: ProductRows;
  actions: string[];
}

function Product({ of: { product, rows }, actions, grants, onChange }: ProductProps) {
  return (
    <tbody>
      {rows.map(({ resource, actions: offered }) => (
        <tr key={resource} data-whole={resource === '*'}>
          <th scope="row">{resource === '*' ? <b>{product === '*' ? 'all products' : product}</b> : resource}</th>
          {actions.map((action) => (
            <td key={action}>{offered.includes(action) && <Cell grant={`${product}:${resource}:${action}`} grants={grants} onChange={onChange} />}</td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

function Cell({ grant, grants, onChange }: { grant: string } & Pick<ProductProps, 'grants' | 'onChange'>) {
  const standing = standingOf(grants, grant);
  if (onChange === undefined) {
    return (
      <Fragment>
        <span className={css.mark} data-standing={standing} title={grant} aria-hidden="true">
          {standing === 'none' ? '–' : <Icon name="check" />}
        </span>
        <span className={css.hidden}>{standing === 'none' ? 'no' : 'yes'}</span>
      </Fragment>
    );
  }
  return (
    <Checkbox
      label={standing === 'wider' ? `${grant}, by a wider grant` : grant}
      isLabelHidden
      isChecked={standing !== 'none'}
      isDisabled={standing === 'wider'}
      onChange={() => {
        onChange(toggled(grants, grant));
      }}
    />
  );
}
