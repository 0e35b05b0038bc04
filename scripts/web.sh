# shellcheck shell=bash
# The web panel's pages, web/dist, which are linked into the panel. Sourced by dev.
#
# PROV_WEB_DIST names pages that are built already: then neither Node nor npm is needed.
if [ -n "${PROV_WEB_DIST:-}" ]; then
  PROV_WEB_DIST=$(cd "$PROV_WEB_DIST" && pwd) || die "PROV_WEB_DIST is no folder"
  export PROV_WEB_DIST
fi
# Whoever has an npm of their own keeps it.
if ! command -v npm >/dev/null; then
  TEST_PACKAGES+=(nodejs npm)
  [ -n "${PROV_WEB_DIST:-}" ] || PACKAGES+=(nodejs npm)
fi

# What the pages are made of, as one number: two that agree make the same pages.
web_state() {
  find web/src web/public web/index.html web/vite.config.ts web/tsconfig.json web/package.json web/package-lock.json web/node/package-lock.json \
    web/scripts/compress.mjs -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
}

pages_are_built() { [ -n "${PROV_WEB_DIST:-}" ] || [ "$(cat web/dist/.made-of 2>/dev/null)" = "$(web_state)" ]; }

# The types are checked too.
build_pages() {
  local state
  pages_are_built && return
  state=$(web_state)
  say "building the web panel's pages"
  web/run node --run build >.cache/pages.log 2>&1 || { cat .cache/pages.log >&2; die "the pages could not be built"; }
  echo "$state" >web/dist/.made-of
}

# Vite's server with hot reload, against the panel that ./dev up started, or the one that PANEL_URL names.
serve_pages() {
  local url=${PANEL_URL:-}
  if [ -z "$url" ]; then
    running_tools
    running panel || die "no panel runs here: ./dev up starts one; or name another: PANEL_URL=https://panel.example ./dev web"
    url=$PANEL_URL
  fi
  PANEL_URL=$url exec web/run node scripts/dev.mjs
}
