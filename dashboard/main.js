/** The frame around every page: navigation, the banner while the server is away, and where the focus goes. */
import { announce } from "./announcing.js";
import { useAway } from "./answers.js";
import { ROOT, connection } from "./api.js";
import { Heading } from "./headings.js";
import { html, render, useEffect, useRef, useState } from "./html.js";
import { PAGES } from "./pages.js";
import { address, useRoute } from "./routing.js";
import { ThemeButton } from "./theme.js";

function Dashboard() {
  const route = useRoute();
  const [first = "", ...path] = route.path;
  const entry = PAGES.find((page) => page.path === first);
  const main = useFocusAfterMoves(route.path.join("/"));
  return html`
    <a class="skip" href="#main" onClick=${(event) => skip(event, main.current)}>Skip to the content</a>
    <header class="masthead">
      <p class="wordmark"><a href=${address([])}>Hindcast</a></p>
      <nav aria-label="Pages">
        ${PAGES.map((page) => html`<a key=${page.path} href=${address([page.path].filter(Boolean))}
            aria-current=${page === entry ? "page" : undefined}>${page.title}</a>`)}
      </nav>
      <div class="aside"><a href=${new URL("docs", ROOT).href}>API</a><${ThemeButton} /></div>
    </header>
    <${AwayBanner} />
    <main id="main" tabindex="-1" ref=${main}>
      ${entry ? html`<${Loaded} key=${entry.path} entry=${entry} path=${path} query=${route.query} />` : html`<${Unknown} />`}
    </main>`;
}

/** A page, once its file is here. */
function Loaded({ entry, path, query }) {
  const [module, setModule] = useState(undefined);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let isHere = true;
    const load = async () => {
      const found = await entry.load();
      if (!isHere) return;
      await styled(found.stylesheet);
      if (!isHere) return;
      setModule(found);
      if (history.state?.hasReloaded) history.replaceState(null, "");
    };
    load().catch(() => isHere && setFailed(true));
    return () => {
      isHere = false;
      wear(undefined);
    };
  }, [entry]);
  if (failed) return html`<${Unloaded} />`;
  return module ? html`<${module.Page} path=${path} query=${query} />` : null;
}

/** A page whose file did not come. It is loaded with all others once the server answers: browsers remember which file
 * failed. Once only: a file that isn't there fails each time. */
function Unloaded() {
  const [isLast] = useState(() => Boolean(history.state?.hasReloaded));
  useEffect(() => {
    if (isLast) return undefined;
    const stopWaiting = connection.whenBack(() => {
      history.replaceState({ hasReloaded: true }, "");
      location.reload();
    });
    connection.lost();
    return stopWaiting;
  }, [isLast]);
  return html`<div class="notice problem" role="alert"><p>This page could not be loaded${isLast ? "." : "; it will be once the server answers."}${" "}
    <a href=${location.href} onClick=${() => location.reload()}>Load it again</a></p></div>`;
}

function Unknown() {
  return html`<${Heading} title="There is no such page" /><p><a href=${address([])}>Go to the overview</a></p>`;
}

function AwayBanner() {
  const away = useAway();
  const was = useRef(false);
  useEffect(() => {
    if (was.current && !away) announce("The server answers again.");
    was.current = away;
  }, [away]);
  if (!away) return null;
  return html`<div class="banner" role="alert">The server does not answer. What you see may be old; it is asked again
    every two seconds.</div>`;
}

/** After a move the focus goes to the page's content and its title is told, as when a browser loads a page. */
function useFocusAfterMoves(place) {
  const main = useRef(null);
  const here = useRef(place);
  useEffect(() => {
    if (here.current === place) return;
    here.current = place;
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [place]);
  return main;
}

function skip(event, main) {
  event.preventDefault(); // the address keeps naming the page
  main?.focus();
}

/** The style sheet of the page that is seen. */
let worn;

/** A page's sheet holds for that page alone: classes of the same name mean other things on others. */
function wear(name) {
  worn = name;
  for (const { dataset, sheet } of document.querySelectorAll("link[data-page]")) if (sheet) sheet.disabled = dataset.page !== worn;
}

/** A page's own style sheet is here, so that nothing is drawn without it. */
function styled(name) {
  wear(name);
  if (!name || document.querySelector(`link[data-page="${name}"]`)) return Promise.resolve();
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL(name, import.meta.url).href });
  link.dataset.page = name;
  return new Promise((here, missing) => {
    link.onload = () => (wear(worn), here());
    link.onerror = () => (link.remove(), missing());
    document.head.append(link);
  });
}

render(html`<${Dashboard} />`, document.getElementById("dashboard"));
