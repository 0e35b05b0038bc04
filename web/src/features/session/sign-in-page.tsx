import { Title } from '@patternfly/react-core';
import type { Session } from '@/api/queries';
import { usePageTitle } from '@/framework/page';
import { SignInForm } from './sign-in-form';

export function SignInPage({ done }: { done: (session: Session) => void }) {
  usePageTitle('Sign in');
  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <img src="/favicon.svg" width="44" height="44" alt="" />
        <Title headingLevel="h1">Provisioning</Title>
        <p className="subtle">Sign in to install and follow software on your servers.</p>
        <SignInForm done={done} />
        <p className="subtle small">Without an account? An administrator makes one under Settings, Users.</p>
      </div>
    </main>
  );
}
