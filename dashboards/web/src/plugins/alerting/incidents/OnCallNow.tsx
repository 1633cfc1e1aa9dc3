// Who is on call on each level now.

import { queries } from '../../../api/client';
import type { Duty } from '../../../api/schema';
import { Panel } from '../../../components/Page';
import { Answer } from '../../../components/states';
import css from '../alerting.module.css';
import { WATCHED } from '../change';

export function OnCallNow() {
  const duties = queries.useQuery('get', '/api/v1/alerting/on-call', {}, WATCHED);
  return (
    <Panel title="On call now">
      <Answer query={duties} height={72}>
        {(answer) => (
          <ul className={css.cards}>
            {answer.levels.map((duty) => (
              <li key={duty.level}>
                <p className={css.muted}>{titleOf(duty)}</p>
                {duty.people.length === 0 && <p className={css.muted}>Nobody by name: the channels are told.</p>}
                {duty.people.map((person) => (
                  <p key={person.id}>
                    <strong>{person.name ?? person.id}</strong> <span className={css.muted}>{Object.values(person.contacts).join(', ')}</span>
                  </p>
                ))}
              </li>
            ))}
          </ul>
        )}
      </Answer>
    </Panel>
  );
}

function titleOf({ level, name, is_open }: Duty): string {
  const title = level === name ? name.charAt(0).toUpperCase() + name.slice(1) : `Level ${level}, ${name}`;
  return is_open ? title : `${title} (outside its hours)`;
}
