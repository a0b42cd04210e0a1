"use strict";
// The pages work without this file; it adds the theme, copy buttons, the filter, and links that open what they point to.
(() => {
  const root = document.documentElement;
  const THEMES = ["auto", "light", "dark"];
  const KEY = "duckwing-theme";

  const remembered = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage may be forbidden
    }
  };

  const show = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };

  show(remembered()); // before the first paint

  const themeButton = () => {
    const button = document.getElementById("theme");
    let theme = THEMES.includes(remembered()) ? remembered() : "auto";
    const label = () => {
      button.textContent = { auto: "◐ Auto", light: "☀ Light", dark: "☾ Dark" }[theme];
      button.setAttribute("aria-label", `Theme: ${theme}. Change it.`);
    };
    button.addEventListener("click", () => {
      theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
      try {
        localStorage.setItem(KEY, theme);
      } catch {
        // then it lasts as long as the page
      }
      show(theme);
      label();
    });
    label();
    button.hidden = false;
  };

  const copyText = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // The clipboard is for secure origins only; this older way is for all.
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "unseen";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      if (!done) throw new Error("copying is not allowed");
    }
  };

  const copyButtons = () => {
    for (const block of document.querySelectorAll("pre[data-copy]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        try {
          await copyText(block.textContent);
          button.textContent = "Copied";
        } catch {
          button.textContent = "Select it";
        }
        button.focus();
        setTimeout(() => (button.textContent = "Copy"), 1500);
      });
      block.after(button);
    }
  };

  const openTarget = () => {
    let target = null;
    try {
      target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    } catch {
      return; // not an address of ours
    }
    if (!target) return;
    const details = target.closest("details");
    if (details && !details.open) {
      details.open = true;
      target.scrollIntoView();
    }
  };

  const filter = () => {
    const field = document.getElementById("filter");
    if (!field) return;
    const objects = [...document.querySelectorAll("details.object")];
    const said = "summary, .prose, .caption, .chip, .sig, pre, code, td, dt, dd"; // not headings and buttons
    const texts = objects.map((one) =>
      Array.from(one.querySelectorAll(said), (part) => part.textContent.toLowerCase()).join("\n"),
    );
    const groups = [...document.querySelectorAll(".group"), ...document.querySelectorAll(".schema")];
    const matches = document.getElementById("matches");
    const nothing = document.getElementById("nothing");

    const apply = () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      objects.forEach((one, place) => {
        one.hidden = !words.every((word) => texts[place].includes(word));
        if (!one.hidden) count += 1;
      });
      for (const group of groups) group.hidden = words.length > 0 && !group.querySelector("details.object:not([hidden])");
      matches.textContent = words.length ? `${count} of ${objects.length}` : "";
      nothing.hidden = count > 0 || !words.length;
    };

    field.addEventListener("input", apply);
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        field.value = "";
        apply();
      } else if (event.key === "ArrowDown" || event.key === "Enter") {
        const first = document.querySelector("details.object:not([hidden]) > summary");
        if (first) {
          event.preventDefault();
          first.focus();
        }
      }
    });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, textarea, select, [contenteditable]");
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        field.focus();
        field.select();
      }
    });
    document.addEventListener("keydown", (event) => {
      const summary = event.target.closest("details.object > summary");
      if (!summary || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
      const shown = [...document.querySelectorAll("details.object:not([hidden]) > summary")];
      const next = shown[shown.indexOf(summary) + (event.key === "ArrowDown" ? 1 : -1)];
      event.preventDefault();
      (next || field).focus();
    });
    const setAll = (open) => {
      for (const one of objects) if (!one.hidden) one.open = open;
    };
    document.getElementById("expand").addEventListener("click", () => setAll(true));
    document.getElementById("collapse").addEventListener("click", () => setAll(false));
    for (const part of document.querySelectorAll(".find, .both")) part.hidden = false;
    if (field.value) apply(); // the browser has kept it
  };

  // People know themselves by their names rather than by the id that the worker knows them by.
  const nameOfPerson = () => {
    const place = document.querySelector(".who");
    const cookie = document.cookie.split("; ").find((one) => one.startsWith("_vgi_identity="));
    if (!place || !cookie) return;
    try {
      const text = atob(cookie.slice(14).replaceAll("-", "+").replaceAll("_", "/"));
      const person = JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
      const name = person.name || person.preferred_username || person.email;
      if (person.sub !== place.textContent || typeof name !== "string") return;
      place.title = `Signed in as ${person.sub}`;
      place.textContent = name;
    } catch {
      // then the id has to do
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    nameOfPerson();
    themeButton();
    copyButtons();
    filter();
    openTarget();
  });
  addEventListener("hashchange", openTarget);
})();
