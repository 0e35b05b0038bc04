import {
  Button,
  Masthead,
  MastheadBrand,
  MastheadContent,
  MastheadLogo,
  MastheadMain,
  MastheadToggle,
  PageToggleButton,
  Tooltip,
} from '@patternfly/react-core';
import QuestionCircleIcon from '@patternfly/react-icons/dist/esm/icons/question-circle-icon';
import SearchIcon from '@patternfly/react-icons/dist/esm/icons/search-icon';
import { Link } from '@tanstack/react-router';
import { UserMenu } from './user-menu';

interface HeaderProps {
  openPalette: () => void;
  openHelp: () => void;
}

export function Header({ openPalette, openHelp }: HeaderProps) {
  return (
    <Masthead display={{ default: 'inline' }}>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton isHamburgerButton aria-label="Global navigation" variant="plain" />
        </MastheadToggle>
        <MastheadBrand>
          <MastheadLogo component={(props: object) => <Link to="/overview" {...props} />}>
            <span className="brand">
              <img src="/favicon.svg" width="28" height="28" alt="" />
              <span>Provisioning</span>
            </span>
          </MastheadLogo>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <div className="header-tools">
          <Button
            variant="control"
            icon={<SearchIcon />}
            onClick={openPalette}
            className="palette-button"
            aria-label="Go to… Ctrl+K"
          >
            <span className="wide-only">
              Go to… <kbd>Ctrl+K</kbd>
            </span>
          </Button>
          <Tooltip content="Keys (?)">
            <Button
              variant="plain"
              icon={<QuestionCircleIcon />}
              aria-label="Show the keys"
              onClick={openHelp}
              className="wide-only"
            />
          </Tooltip>
          <UserMenu />
        </div>
      </MastheadContent>
    </Masthead>
  );
}
