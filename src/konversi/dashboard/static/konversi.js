// What the pages do better with a script; without it they do the same with one step more.
"use strict";

const LIVE_MS = 15000;
const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

function tellTimeZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  document.cookie = `tz=${encodeURIComponent(zone)};path=/;max-age=31536000;samesite=lax`;
}

// The numbers of the overview, fetched anew while somebody looks, with what is open and has the focus left alone.
async function refresh(part) {
  if (document.hidden || part.contains(document.activeElement) || one("details[open]", part)) return;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = one("[data-live]", page);
    if (fresh) part.replaceChildren(...fresh.childNodes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // the network is away: the next round tries again
  }
}

function selectAll(form) {
  const box = one("[data-all]", form);
  if (!box) return;
  box.hidden = false;
  box.addEventListener("change", () => all("[name=receipt]", form).forEach((each) => { each.checked = box.checked; }));
}

function copying() {
  for (const button of all("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", () => navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent));
  }
}

// j and k walk the rows, x selects, Enter opens, / searches.
function keyboard() {
  const rows = all("[data-rows] tbody tr");
  let at = -1;
  const go = (to) => {
    rows[at]?.classList.remove("here");
    at = Math.max(0, Math.min(rows.length - 1, to));
    rows[at].classList.add("here");
    one("a", rows[at]).focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const search = one("[data-search]");
    if (event.key === "/" && search) { event.preventDefault(); search.focus(); }
    if (!rows.length) return;
    if (event.key === "j") go(at + 1);
    if (event.key === "k") go(at - 1);
    if (event.key === "x" && at >= 0) one("[name=receipt]", rows[at])?.click();
  });
}

// What happens to events, on top of the list as it happens. The list stays short, and can be stopped to be read.
const TAIL_ROWS = 200;
function tail() {
  const list = one("[data-tail]");
  if (!list || !window.EventSource) return;
  const state = one("[data-tail-state]");
  const stop = one("[data-tail-stop]");
  const words = Object.fromEntries(all("i", one("[data-tail-words]").content).map((each) => [each.dataset.what, each.textContent]));
  // As the pages write it: "29 Nov 2026, 11:07:45".
  const parts = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  const format = new Intl.DateTimeFormat({ en: "en-GB", id: "id-ID" }[document.documentElement.lang], parts);
  const clock = { format: (at) => format.format(at).replaceAll(".", ":").replace(" pukul ", ", ") };
  const part = (tag, text, given = {}) => Object.assign(document.createElement(tag), { textContent: text, ...given });
  const say = (word) => { state.textContent = word; };
  const put = (row) => { list.prepend(row); while (list.children.length > TAIL_ROWS) list.lastElementChild.remove(); };
  let source = null;
  const listen = () => {
    source = new EventSource(list.dataset.tail);
    source.onopen = () => say(list.dataset.liveWord);
    source.onerror = () => say(list.dataset.lostWord);
    source.onmessage = (message) => {
      const told = JSON.parse(message.data);
      const row = document.createElement("li");
      row.append(
        part("time", clock.format(new Date(told.at)), { dateTime: told.at }), " ",
        part("span", words[told.what] || told.what, { className: `state ${told.what}` }), " ",
        part("a", told.event, { href: `/events/${told.receipt}` }), " ", part("code", told.booking_id || told.event_id),
      );
      put(row);
    };
    source.addEventListener("missed", (message) => put(part("li", `+ ${JSON.parse(message.data).events} ${list.dataset.missedWord}`)));
  };
  stop.hidden = false;
  stop.addEventListener("click", () => {
    const stopped = stop.getAttribute("aria-pressed") === "true";
    stop.setAttribute("aria-pressed", String(!stopped));
    if (stopped) { listen(); return; }
    source.close();
    say(stop.textContent);
  });
  addEventListener("pagehide", () => source.close());
  listen();
}

// On a small screen the menu is closed until somebody wants it; without a script it stays open.
function closeMenu() {
  const menu = one("[data-menu]");
  const narrow = matchMedia("(max-width: 44rem)");
  const fit = () => { menu.open = !narrow.matches; };
  if (!menu) return;
  fit();
  narrow.addEventListener("change", fit);
  menu.dataset.ready = "";
}

closeMenu();
tail();
tellTimeZone();
copying();
keyboard();
all("form").forEach(selectAll);
const live = one("[data-live]");
if (live) setInterval(refresh, LIVE_MS, live);
