import { PageSection } from '@patternfly/react-core';
import type { Installer } from '@/api/queries';
import { countOf } from '@/core/format';
import { PageHeader } from '@/framework/page';
import { sentence } from '@/framework/page-form';
import { Nothing } from '@/framework/states';

type Fault = Installer['errors'][number];

/** An installer whose manifest does not load: each error with its place, as a compiler shows it. */
export function InvalidInstaller({ installer: { id, name, errors } }: { installer: Installer }) {
  const description =
    errors.length > 0 &&
    `Its manifest has ${countOf(errors.length, 'error')}. Once they are mended it can be installed again, without a restart.`;
  return (
    <>
      <PageHeader
        title={`${name} is invalid`}
        short={name}
        parent={{ to: '/catalogue', label: 'Catalogue' }}
        description={description}
      />
      <PageSection isFilled hasBodyWrapper={false}>
        {errors.length === 0 ? (
          <Nothing title="It cannot be installed now">
            Its manifest has errors. An administrator sees which ones, and can mend them.
          </Nothing>
        ) : (
          <ul className="fault-list">
            {errors.map((fault) => (
              <FaultItem key={`${fault.line} ${fault.column} ${fault.message}`} fault={fault} />
            ))}
          </ul>
        )}
        {errors.length > 0 && (
          <p className="subtle gap-above">
            The same list on a command line: <code>provisionctl lint installers/{id}</code>
          </p>
        )}
      </PageSection>
    </>
  );
}

function FaultItem({ fault: { file, line, column, path, message, source } }: { fault: Fault }) {
  const gutter = `${line} | `;
  return (
    <li className="fault">
      <div>
        <code className="wrap-anywhere">
          {file}:{line}:{column}
        </code>{' '}
        <span className="subtle">{path}</span>
      </div>
      <p>{sentence(message)}</p>
      {source !== undefined && (
        <pre tabIndex={0} role="region" aria-label={`Line ${line}`}>
          <span className="subtle">{gutter}</span>
          {source}
          {'\n'}
          <span className="caret" aria-hidden="true">{`${' '.repeat(gutter.length + column - 1)}^`}</span>
        </pre>
      )}
    </li>
  );
}
