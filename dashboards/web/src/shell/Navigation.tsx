// Where one can go, by what one comes for; beside the page, or over it on a narrow screen.

import { Link } from '@tanstack/react-router';
import { Button } from '../components/Button';
import type { NavigationEntry } from '../plugins/page';
import { AccountMenu } from './AccountMenu';
import icon from './icon.svg';
import css from './Navigation.module.css';
import { useNavigation } from './plugins';

const GROUPS: NavigationEntry['group'][] = ['Observe', 'Respond', 'Products', 'Administration'];

interface NavigationProps {
  /** On a narrow screen; on others it is always there. */
  isOpen: boolean;
  onClose: () => void;
}

export function Navigation({ isOpen, onClose }: NavigationProps) {
  const entries = useNavigation();
  return (
    <aside className={css.navigation} data-open={isOpen}>
      <div className={css.brand}>
        <Link to="/" className={css.home}>
          <img src={icon} alt="" width="20" height="20" />
          Observatory
        </Link>
        <span className={css.close}>
          <Button kind="quiet" icon="close" aria-label="Close navigation" onPress={onClose} />
        </span>
      </div>
      <nav aria-label="Pages" className={css.groups}>
        {GROUPS.map((group) => (
          <Group key={group} name={group} entries={entries.filter((entry) => entry.group === group)} />
        ))}
      </nav>
      <AccountMenu />
    </aside>
  );
}

function Group({ name, entries }: { name: string; entries: NavigationEntry[] }) {
  if (entries.length === 0) return null;
  return (
    <div>
      <p className={css.group} id={`navigation-${name}`}>
        {name}
      </p>
      <ul aria-labelledby={`navigation-${name}`}>
        {entries.map((entry) => (
          <li key={entry.to}>
            <Link to={entry.to} className={css.link} activeOptions={{ exact: entry.to === '/', includeSearch: false }}>
              {entry.title}
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}
