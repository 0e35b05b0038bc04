import { Button, Label } from '@patternfly/react-core';
import OutlinedStarIcon from '@patternfly/react-icons/dist/esm/icons/outlined-star-icon';
import StarIcon from '@patternfly/react-icons/dist/esm/icons/star-icon';
import { Link } from '@tanstack/react-router';
import type { InstallerSummary } from '@/api/queries';
import { countOf, formatDuration, formatShare } from '@/core/format';
import { Tile } from './tile';

interface CardProps {
  installer: InstallerSummary;
  favourite: boolean;
  toggleFavourite: () => void;
}

export function InstallerCard({ installer, favourite, toggleFavourite }: CardProps) {
  const { id, name, version, category, description, icon, valid } = installer;
  return (
    <li className={valid ? 'card' : 'card is-invalid'}>
      <div className="card-head">
        <Tile name={name} icon={icon} category={category} />
        <div>
          <h2>
            <Link to="/catalogue/$id" params={{ id }} className="card-cover">
              {name}
            </Link>
          </h2>
          <span className="subtle small">{valid ? `${version} · ${category}` : id}</span>
        </div>
        {valid ? (
          <span className="card-star">
            <Button
              variant="plain"
              size="sm"
              aria-pressed={favourite}
              aria-label={`Favourite: ${name}`}
              icon={favourite ? <StarIcon /> : <OutlinedStarIcon />}
              onClick={toggleFavourite}
            />
          </span>
        ) : (
          <Label status="danger" isCompact>
            Invalid
          </Label>
        )}
      </div>
      <p>{valid ? description : faultSummary(installer)}</p>
      <div className="card-figures">
        {valid ? <Figures installer={installer} /> : <span>Cannot be installed</span>}
      </div>
    </li>
  );
}

function faultSummary({ errors }: InstallerSummary): string {
  if (errors.length === 0) return 'Its manifest has errors. An administrator sees which.';
  return `Its manifest has ${countOf(errors.length, 'error')}. Open it to see where.`;
}

function Figures({ installer: { statistics } }: { installer: InstallerSummary }) {
  const { jobs, success_rate: rate, usual_seconds: seconds } = statistics;
  if (jobs === 0) return <span>Not used yet</span>;
  return (
    <>
      {seconds !== null && <span title="What a job usually takes">Takes {formatDuration(seconds)}</span>}
      {rate !== null && <span title="Jobs that succeeded">{formatShare(rate)} succeed</span>}
      <span>{countOf(jobs, 'job')}</span>
    </>
  );
}
