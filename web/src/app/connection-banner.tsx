// Says that what is seen may be old, once the stream has been away for some seconds.
import { Banner } from '@patternfly/react-core';
import { useEffect, useState } from 'react';
import { useStreamState } from '@/api/hooks';

export function ConnectionBanner() {
  const state = useStreamState();
  const [away, setAway] = useState(false);
  useEffect(() => {
    if (state === 'live' || state === 'paused') return setAway(false);
    const timer = setTimeout(() => setAway(true), 3000);
    return () => clearTimeout(timer);
  }, [state]);
  return (
    <div role="status">
      {away && (
        <Banner color="yellow" screenReaderText="Warning:">
          The panel does not answer. It is tried again; what you see may be old. Jobs on the servers run on.
        </Banner>
      )}
    </div>
  );
}
