// What grants allow, by product, resource and action; with `onChange`, each can be given and taken.

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
  return (
    <div className={css.products}>
      {rowsOf(known, grants).map((each) => (
        <Product key={each.product} of={each} grants={grants} onChange={onChange} />
      ))}
    </div>
  );
}

interface ProductProps extends Pick<PermissionTableProps, 'grants' | 'onChange'> {
  of: ProductRows;
}

function Product({ of: { product, rows }, grants, onChange }: ProductProps) {
  const actions = actionsOf(rows);
  const name = product === '*' ? 'all products' : product;
  return (
    <table className={css.table}>
      <thead>
        <tr>
          <th scope="col">{name}</th>
          {actions.map((action) => (
            <th key={action} scope="col">
              {action === '*' ? 'everything' : action}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ resource, actions: offered }) => (
          <tr key={resource}>
            <th scope="row">{resource === '*' ? (product === '*' ? 'all of them' : `all of ${name}`) : resource}</th>
            {actions.map((action) => (
              <td key={action}>{offered.includes(action) && <Cell grant={`${product}:${resource}:${action}`} grants={grants} onChange={onChange} />}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell({ grant, grants, onChange }: { grant: string } & Pick<ProductProps, 'grants' | 'onChange'>) {
  const standing = standingOf(grants, grant);
  if (onChange === undefined) {
    return (
      <>
        <span className={css.mark} data-standing={standing} title={grant} aria-hidden="true">
          {standing === 'none' ? '–' : <Icon name="check" />}
        </span>
        <span className={css.hidden}>{standing === 'none' ? 'no' : 'yes'}</span>
      </>
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
