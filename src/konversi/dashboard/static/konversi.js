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

tellTimeZone();
copying();
keyboard();
all("form").forEach(selectAll);
const live = one("[data-live]");
if (live) setInterval(refresh, LIVE_MS, live);
