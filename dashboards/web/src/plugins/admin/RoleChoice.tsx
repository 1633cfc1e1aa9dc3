// Which roles somebody or something is to have.

import { Checkbox } from '../../components/Checkbox';
import { Answer } from '../../components/states';
import css from './admin.module.css';
import { useRoles } from './hub';

interface RoleChoiceProps {
  chosen: readonly string[];
  onChange: (roles: string[]) => void;
}

export function RoleChoice({ chosen, onChange }: RoleChoiceProps) {
  const roles = useRoles();
  return (
    <fieldset className={css.choices}>
      <legend>Roles</legend>
      <Answer query={roles} height={160}>
        {(answer) => (
          <div className={css.choices}>
            {answer.roles.map((role) => (
              <Checkbox
                key={role.name}
                label={role.name}
                description={role.description}
                isChecked={chosen.includes(role.name)}
                onChange={(isChecked) => {
                  onChange(isChecked ? [...chosen, role.name] : chosen.filter((name) => name !== role.name));
                }}
              />
            ))}
          </div>
        )}
      </Answer>
    </fieldset>
  );
}
