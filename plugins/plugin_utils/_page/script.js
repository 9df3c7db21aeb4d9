/*
Copyright (c) 2026 openstack_ops.day2 contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later

What every page does: text is put in with textContent, and of long tables only the rows are drawn that are asked for.
*/
"use strict";
const PAGE = 60;
const $ = id => document.getElementById(id);
const make = (tag, text, cls) => { const e = document.createElement(tag); if (text !== undefined) e.textContent = text; if (cls) e.className = cls; return e; };
const root = document.documentElement;
$("theme").onclick = () => {
  const night = root.dataset.theme ? root.dataset.theme === "night" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = night ? "day" : "night";
};

const fill = (id, values) => { for (const v of values) { const o = make("option", v); o.value = v; $(id).append(o); } };
const count = (number, what, cls) => { const li = make("li"); li.append(make("b", number, cls), " " + what); $("counts").append(li); };
const words = id => $(id).value.toLowerCase().split(/\s+/).filter(Boolean);
const has = (asked, texts) => { const all = texts.join(" ").toLowerCase(); return asked.every(w => all.includes(w)); };
function more_of(title, texts) {
  if (!texts.length) return make("span", title);
  const d = make("details"); d.append(make("summary", title));
  d.addEventListener("toggle", () => { if (d.childElementCount === 1) for (const text of texts) d.append(make("div", text)); });
  return d;
}
function grid(id, heads, items, cells) {
  const head = make("thead"), line = make("tr"), body = make("tbody");
  for (const h of heads) { const th = make("th", h); th.scope = "col"; line.append(th); }
  head.append(line);
  let at = 0;
  const add = () => {
    if (at) body.lastChild.remove();
    for (const item of items.slice(at, at + PAGE)) {
      const tr = make("tr");
      cells(item).forEach((cell, n) => { const td = make("td"); td.dataset.head = heads[n]; td.append(cell); tr.append(td); });
      body.append(tr);
    }
    at = Math.min(items.length, at + PAGE);
    const tr = make("tr"), td = make("td");
    td.colSpan = heads.length; td.dataset.head = "More"; tr.append(td);
    if (at < items.length) { const b = make("button", `${items.length - at} more`); b.type = "button"; b.onclick = add; td.append(b); body.append(tr); }
    else if (!items.length) { td.textContent = "None"; body.append(tr); }
  };
  add();
  $(id).replaceChildren(head, body);
}
