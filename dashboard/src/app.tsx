import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Session, Status } from './api/types.ts';
import type { Model } from './live/model.ts';
import { hrefOf, type Place, type View } from './live/place.ts';
import { serverTime } from './live/server-time.ts';
import type { Store } from './live/store.ts';
import { useStore } from './live/use-store.ts';
import { Icon, type IconName } from './parts/icon.tsx';
import { LinkState, LostBanner } from './parts/link-state.tsx';
import { ThemeSwitch } from './parts/theme-switch.tsx';
import mark from './style/mark.svg';
import { Channel } from './views/channel.tsx';
import { Channels } from './views/channels.tsx';
import { Errors } from './views/errors.tsx';
import { Handlers } from './views/handlers.tsx';
import { Nodes } from './views/nodes.tsx';
import { OutboundRequests } from './views/outbound-requests.tsx';
import { Overview } from './views/overview.tsx';
import { Publish } from './views/publish.tsx';
import { Routes } from './views/routes.tsx';
import { Server } from './views/server.tsx';
import { SignIn } from './views/sign-in.tsx';

/** The views as they are called. */
const NAMES: Readonly<Record<View, string>> = {
  overview: 'Overview',
  channels: 'Channels',
  publish: 'Publish',
  routes: 'Routes',
  handlers: 'Handlers',
  outbound: 'Outbound',
  nodes: 'Nodes',
  errors: 'Errors',
  server: 'Server',
};

/** The whole page. */
export function App({ model, place: places }: { model: Model; place: Store<Place> }) {
  const access = useStore(model.access);
  const status = useStore(model.status);
  const place = useStore(places);
  const main = useRef<HTMLElement>(null);
  useTitle(access.kind === 'admitted' ? place : null);
  useFocus(main, place);
  if (access.kind === 'unknown') return null;
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={hrefOf('overview')}>
          <img src={mark} alt="" width="28" height="28" />
          Holdfast
        </a>
        {access.kind === 'admitted' && <LinkState feed={model.feed} status={status} />}
        <span class="grow" />
        {access.kind === 'admitted' && (
          <span class="account">
            <span class="who">
              {access.session.name} <span class="tag">{access.session.role}</span>
            </span>
            <button type="button" class="bare" title="Log out" aria-label="Log out" onClick={() => model.signOut()}>
              <Icon name="leave" />
            </button>
          </span>
        )}
        <ThemeSwitch />
      </header>
      {access.kind === 'admitted' && <Navigation current={place.view} />}
      <main id="main" tabindex={-1} ref={main}>
        {access.kind === 'signed-out' ? (
          <SignIn key={access.reason} model={model} reason={access.reason} accepts={access.accepts} />
        ) : (
          <>
            <LostBanner feed={model.feed} />
            <Upgraded model={model} status={status} />
            <Shown key={`${place.view} ${place.item}`} {...{ model, status, place }} session={access.session} />
          </>
        )}
      </main>
    </>
  );
}

function Navigation({ current }: { current: View }) {
  const nav = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    // Where the page is narrow the links scroll sideways.
    nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [current]);
  return (
    <nav aria-label="Views" ref={nav}>
      <ul>
        {Object.entries(NAMES).map(([view, name]) => (
          <li key={view}>
            <a href={hrefOf(view as View)} aria-current={view === current ? 'page' : undefined}>
              <Icon name={view as IconName} />
              {name}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

interface ShownProps {
  readonly model: Model;
  readonly status: Status | null;
  readonly place: Place;
  readonly session: Session;
}

function Shown({ model, status, place: { view, item }, session }: ShownProps) {
  switch (view) {
    case 'channels':
      return item === null ? <Channels /> : <Channel name={item} />;
    case 'publish':
      return <Publish channel={item} allowed={session.role === 'admin' || session.roles.includes('publish')} />;
    case 'routes':
      return <Routes />;
    case 'handlers':
      return <Handlers />;
    case 'outbound':
      return <OutboundRequests now={serverTime(status)} />;
    case 'nodes':
      return <Nodes />;
    case 'errors':
      return <Errors now={serverTime(status)} />;
    default:
      if (status === null) return <p class="empty">Connecting…</p>;
      return view === 'server' ? (
        <Server status={status} admin={session.role === 'admin'} />
      ) : (
        <Overview model={model} status={status} />
      );
  }
}

/** After an upgrade the page goes on. It is that of the version before. */
function Upgraded({ model, status }: { model: Model; status: Status | null }) {
  const version = useStore(model.pageVersion);
  const changed = status !== null && version !== null && status.version !== version;
  return (
    <div role="status">
      {changed && (
        <div class="banner calm">
          <span class="grow">
            The server was upgraded from {version} to <strong>{status.version}</strong>.
          </span>
          <button type="button" onClick={() => location.reload()}>
            Load the new page
          </button>
        </div>
      )}
    </div>
  );
}

function useTitle(place: Place | null): void {
  useEffect(() => {
    const title =
      place === null ? 'Log in' : place.view === 'channels' && place.item !== null ? 'Channel' : NAMES[place.view];
    document.title = `${title} · Holdfast`;
  }, [place]);
}

/** Moves the focus to the heading of another view, so that a screen reader says where the reader is, and Tab goes on from there. */
function useFocus(main: { current: HTMLElement | null }, place: Place): void {
  const last = useRef(place);
  // Before the view is painted: a key that is pressed as soon as it is seen goes to it.
  useLayoutEffect(() => {
    if (last.current === place) return;
    last.current = place;
    scrollTo(0, 0);
    main.current?.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
  }, [main, place]);
}
