// Light, dark, or as the Airflow UI around the page and the browser have it. Runs before the page is drawn.
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
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", () => {
      const next = { auto: "light", light: "dark", dark: "auto" }[chosen()];
      try { localStorage.setItem(KEY, next); } catch { root.dataset.theme = next; }
      apply();
    });
    for (const select of document.querySelectorAll(".filters select")) {
      select.addEventListener("change", () => select.form.requestSubmit());
    }
    document.querySelector(".filters")?.addEventListener("submit", (event) => {
      for (const field of event.target.elements) if (field.name && !field.value) field.disabled = true;
    });
  });
})();
