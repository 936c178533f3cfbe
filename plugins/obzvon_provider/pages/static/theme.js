// Light, dark, or as the Airflow UI around the page and the browser have it, links that leave the page, and filters.
// Runs before the page is drawn.
"use strict";
(() => {
  const KEY = "obzvon-theme";
  const root = document.documentElement;
  const stored = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const around = () => {
    try { return parent !== window && parent.document.documentElement.classList.contains("dark") ? "dark"
      : parent !== window && parent.document.documentElement.classList.contains("light") ? "light" : ""; }
    catch { return ""; }
  };
  const chosen = () => stored(KEY) || "auto";
  const apply = () => {
    const theme = chosen() === "auto" ? around() : chosen();
    if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
    const button = document.getElementById("theme");
    if (button) button.querySelector("span").textContent = button.dataset[chosen()];
    document.dispatchEvent(new CustomEvent("theme"));
  };
  apply();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
  // The UI's frame is a sandbox that may not navigate its top, so a link to there is one of the top's own document.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[target="_top"]');
    if (!link || top === window) return;
    let outside;
    try { outside = top.document.createElement("a"); } catch { return; }
    event.preventDefault();
    outside.href = link.href;
    outside.hidden = true;
    top.document.body.append(outside);
    outside.dispatchEvent(new MouseEvent("click", { ctrlKey: event.ctrlKey, metaKey: event.metaKey, shiftKey: event.shiftKey, cancelable: true }));
    outside.remove();
  });
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", () => {
      const next = { auto: "light", light: "dark", dark: "auto" }[chosen()];
      try { localStorage.setItem(KEY, next); } catch { root.dataset.theme = next; }
      apply();
    });
    for (const select of document.querySelectorAll(".filters select")) {
      select.addEventListener("change", () => {
        // where one campaign is always chosen, another purpose means another campaign
        const { campaign } = select.form.elements;
        if (select.name === "purpose" && campaign.value && !campaign.querySelector('option[value=""]')) campaign.disabled = true;
        select.form.requestSubmit();
      });
    }
    document.querySelector(".filters")?.addEventListener("submit", (event) => {
      for (const field of event.target.elements) if (field.name && !field.value) field.disabled = true;
    });
  });
})();
