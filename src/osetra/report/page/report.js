"use strict";
(() => {
  const given = JSON.parse(document.getElementById("figure-data").textContent);
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 480px)");
  const drawn = [];
  const waiting = Object.keys(given.figures);

  const read = () => { try { return localStorage.getItem("osetra-theme"); } catch { return null; } };
  const keep = (name) => { try { localStorage.setItem("osetra-theme", name); } catch { /* a browser may keep nothing */ } };
  const theme = () => root.dataset.theme || (system.matches ? "dark" : "light");
  const templateOf = (name) => given.templates[name];

  function draw(id, name) {
    const element = document.getElementById(id);
    const { data, layout } = given.figures[id];
    // A finger that drags means to scroll.
    const touch = window.matchMedia("(pointer: coarse)").matches || narrow.matches;
    const own = { ...layout, template: templateOf(name), ...(touch ? { dragmode: false } : {}) };
    const settings = { responsive: true, displayModeBar: false, displaylogo: false, scrollZoom: false, typesetMath: false };
    Plotly.newPlot(element, data, own, settings);
    drawn.push(id);
  }

  function drawNext() {
    if (waiting.length) {
      draw(waiting.shift(), theme());
      setTimeout(drawNext, 0);
    } else {
      root.dataset.drawn = String(drawn.length);
    }
  }

  function paint(name) {
    for (const id of drawn) Plotly.relayout(id, { template: templateOf(name) });
  }

  const button = document.getElementById("theme");
  function label() {
    const other = theme() === "dark" ? "light" : "dark";
    button.textContent = other === "dark" ? "Dark" : "Light";
    button.setAttribute("aria-label", `Show in ${other} colours`);
  }
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    keep(root.dataset.theme);
    label();
    paint(theme());
  });
  system.addEventListener("change", () => {
    if (!root.dataset.theme) { label(); paint(theme()); }
  });
  // Paper is light, and as wide as A4; what is folded away on a screen is printed.
  window.addEventListener("beforeprint", () => {
    while (waiting.length) draw(waiting.shift(), "light");
    for (const one of document.querySelectorAll("details")) one.open = true;
    for (const id of drawn) {
      const beside = document.getElementById(id).closest(".several, .beside");
      Plotly.relayout(id, { template: templateOf("light"), autosize: false, width: beside ? 330 : 680 });
    }
  });
  window.addEventListener("afterprint", () => {
    for (const id of drawn) Plotly.relayout(id, { template: templateOf(theme()), autosize: true, width: null });
  });

  const kept = read();
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  // On a phone the contents come before everything, so they are folded away.
  if (window.matchMedia("(max-width: 900px)").matches) document.querySelector("nav details").open = false;
  label();
  drawNext();
})();
