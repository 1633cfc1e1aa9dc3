// Files of alerting that have faults: what they said before holds on until these are gone.

import { useQuery } from '@tanstack/react-query';
import { api } from '../../../api/client';
import { Panel } from '../../../components/Page';
import { useMay } from '../../../shell/me';
import css from '../alerting.module.css';
import { WATCHED } from '../change';
import { readFiles } from './files';

const STATEMENT = "SELECT file, faults, rules, updated_at FROM alerting.files WHERE array_to_string(faults, '') <> '' ORDER BY file";

export function RuleFiles() {
  const mayRead = useMay('alerting:files:read');
  const { data: files = [] } = useQuery({
    queryKey: ['files of alerting'],
    enabled: mayRead,
    ...WATCHED,
    queryFn: async ({ signal }) => {
      const { data } = await api.POST('/api/v1/sql', { body: { sql: STATEMENT }, signal });
      return readFiles(data);
    },
  });
  if (files.length === 0) return null;
  return (
    <Panel title={files.length === 1 ? 'A file is not read, as it has faults' : `${files.length} files are not read, as they have faults`}>
      <div className={css.stack}>
        {files.map(({ file, faults }) => (
          <section key={file} aria-label={file}>
            <h3 className={css.heading}>{file}</h3>
            <table className={css.faults}>
              <thead>
                <tr>
                  <th scope="col">Line</th>
                  <th scope="col">Column</th>
                  <th scope="col">What is wrong</th>
                </tr>
              </thead>
              <tbody>
                {faults.map((fault) => (
                  <tr key={`${fault.line ?? ''}:${fault.column ?? ''} ${fault.message}`}>
                    <td>{fault.line ?? '–'}</td>
                    <td>{fault.column ?? '–'}</td>
                    <td>{fault.message}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        ))}
      </div>
    </Panel>
  );
}
