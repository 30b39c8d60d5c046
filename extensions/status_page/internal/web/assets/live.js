// What a page does in the browser: times in the viewer's zone, a search field, and values that stay fresh.
// Every page can be read without it.
"use strict";
(() => {
  const every = 10_000; // milliseconds between two looks
  const day = 86_400_000;

  // zone writes times as the viewer's clock has them. UTC stays in the title.
  function zone(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      const far = Math.abs(Date.now() - at) > day / 2;
      time.textContent = at.toLocaleString(undefined, far
        ? { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }
        : { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    }
    for (const svg of root.querySelectorAll("svg.plot")) {
      const ticks = [...svg.querySelectorAll("[data-time]")];
      if (ticks.length === 0) continue;
      const times = ticks.map((tick) => new Date(tick.dataset.time));
      const long = times.at(-1) - times[0] > 1.5 * day;
      ticks.forEach((tick, i) => {
        tick.textContent = times[i].toLocaleString(undefined, long
          ? { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }
          : { hour: "2-digit", minute: "2-digit" });
      });
    }
  }

  // merge makes an element equal to another one and touches only what differs: focus, scrolling and
  // what is opened or typed stay.
  function merge(mine, fresh) {
    if (mine.nodeType !== fresh.nodeType || mine.nodeName !== fresh.nodeName || (mine.id || "") !== (fresh.id || "")) {
      mine.replaceWith(document.importNode(fresh, true));
      return;
    }
    if (mine.nodeType !== Node.ELEMENT_NODE) {
      if (mine.nodeValue !== fresh.nodeValue) mine.nodeValue = fresh.nodeValue;
      return;
    }
    if (mine.nodeName === "INPUT" || mine.nodeName === "TEXTAREA" || mine.matches(".search, .drawn, .at")) return;
    for (const { name } of [...mine.attributes]) {
      if (!fresh.hasAttribute(name) && !(name === "open" && mine.nodeName === "DETAILS")) mine.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (mine.getAttribute(name) !== value) mine.setAttribute(name, value);
    }
    const olds = [...mine.childNodes], news = [...fresh.childNodes];
    news.forEach((node, i) => {
      if (i < olds.length) merge(olds[i], node);
      else mine.append(document.importNode(node, true));
    });
    for (const node of olds.slice(news.length)) node.remove();
  }

  const main = document.getElementById("main");
  const fresh = document.getElementById("fresh");
  let asked = 0, failed = false;

  // look brings the page up to date with what the server has at its URL.
  async function look() {
    const mine = ++asked;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(30_000) });
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== asked || main.querySelector("input:checked")) return; // another look has begun, or something is chosen
      zone(page);
      copies(page);
      window.plots?.prepare(page);
      merge(main, page.getElementById("main"));
      window.plots?.draw();
      merge(document.querySelector("header nav"), page.querySelector("header nav"));
      merge(document.querySelector(".as-of"), page.querySelector(".as-of"));
      document.title = page.title;
      if (failed) say("");
      failed = false;
    } catch {
      if (mine !== asked || failed) return;
      failed = true;
      say("⚠ the collector does not answer; this is old");
    }
  }

  function say(text) {
    fresh.textContent = text;
    fresh.hidden = text === "";
    fresh.classList.toggle("stale", text !== "");
  }

  function live() {
    if (!main.hasAttribute("data-live")) return;
    setInterval(() => { if (!document.hidden) look(); }, every);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  }

  // search narrows the fleet while one types; the URL keeps it.
  function search() {
    const input = document.getElementById("search");
    if (!input) return;
    input.closest("label").hidden = false;
    let timer;
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const url = new URL(location.href);
        url.searchParams.delete("page");
        if (input.value.trim()) url.searchParams.set("q", input.value.trim());
        else url.searchParams.delete("q");
        history.replaceState(null, "", url);
        look();
      }, 200);
    });
  }

  // One menu is open at a time, and Escape closes it.
  function menus() {
    const close = (but) => {
      for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== but) menu.open = false;
    };
    document.addEventListener("click", (e) => close(e.target.closest("details.menu")));
    document.addEventListener("keydown", (e) => {
      if (e.key !== "Escape") return;
      const open = document.querySelector("details.menu[open]");
      close();
      open?.querySelector("summary").focus();
    });
  }

  // copies shows the buttons that copy the command beside them.
  function copies(root) {
    for (const button of root.querySelectorAll("button.copy")) button.hidden = false;
  }

  // copying copies what is clicked. Pages without TLS have no clipboard: there, the command is selected and copied as by the keyboard.
  function copying() {
    document.addEventListener("click", async (e) => {
      const button = e.target.closest("button.copy");
      if (!button) return;
      const code = button.parentElement.querySelector("code");
      let done = false;
      try {
        await navigator.clipboard.writeText(code.textContent);
        done = true;
      } catch {
        getSelection().selectAllChildren(code);
        done = document.execCommand("copy");
      }
      button.textContent = done ? "Copied" : "Selected";
    });
  }

  zone(document);
  copies(document);
  copying();
  live();
  search();
  menus();
})();
