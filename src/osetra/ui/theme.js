// What all pages do. The theme: the system's, or what a person chose here; Quasar's fields and the figures follow.
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const read = () => { try { return localStorage.getItem("osetra-theme"); } catch { return null; } };
  const keep = (name) => { try { localStorage.setItem("osetra-theme", name); } catch { /* a browser may keep nothing */ } };
  const chosen = () => (["dark", "light"].includes(read()) ? read() : system.matches ? "dark" : "light");

  function paint() {
    root.dataset.theme = chosen();
    window.Quasar?.Dark.set(root.dataset.theme === "dark");
    const button = document.getElementById("theme");
    if (button) {
      const other = root.dataset.theme === "dark" ? "light" : "dark";
      button.textContent = other === "dark" ? "Dark" : "Light";
      button.setAttribute("aria-label", `Show in ${other} colours`);
    }
    window.dispatchEvent(new Event("osetra-theme"));
  }

  window.osetraTheme = () => { keep(root.dataset.theme === "dark" ? "light" : "dark"); paint(); };
  system.addEventListener("change", paint);
  root.dataset.theme = chosen();
  // A list of choices has the name of the field that it belongs to.
  new MutationObserver(() => {
    for (const list of document.querySelectorAll("[role=listbox]:not([aria-label])")) {
      const field = document.querySelector(`[aria-controls="${list.id}"]`);
      list.setAttribute("aria-label", field?.getAttribute("aria-label") || "Choices");
    }
  }).observe(root, { childList: true, subtree: true });

  // A page that nobody can see need not be kept up to date. What cannot be told now, as while the server is away, is told later.
  let told = true;
  const tell = () => {
    if (told === !document.hidden || !window.did_handshake) return;
    told = !document.hidden;
    emitEvent("osetra-seen", told);
  };
  document.addEventListener("visibilitychange", tell);
  setInterval(tell, 1000);

  // The button is there once the page has been put together.
  const look = setInterval(() => { if (document.getElementById("theme") && window.Quasar) { clearInterval(look); paint(); } }, 20);
})();
