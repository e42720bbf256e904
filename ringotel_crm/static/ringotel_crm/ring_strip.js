// Shows the calls of the user's phone in a strip, on any page, with a note that is saved while it is
// typed. On the page of live calls, the same requests update the table.
"use strict";
(() => {
    // Milliseconds between requests, after failures, and in a hidden tab that shows notifications.
    const PAUSE = 3000, MAX_PAUSE = 30000, HIDDEN_PAUSE = 10000;
    // Milliseconds from the last key to saving, and from a failure to the next attempt.
    const TYPING = 700, RETRY = 5000;
    // Milliseconds for which a call that has ended stays after its note was saved.
    const LINGER = 120000;
    // Calls whose ids are stored as hidden, and as announced.
    const MAX_CALLS = 100;

    const root = document.documentElement, script = document.currentScript;
    if (root.dataset.ringotelStrip || document.body.classList.contains("popup")) return;
    root.dataset.ringotelStrip = "1";

    const board = document.getElementById("ringotel-live");
    const url = board ? board.dataset.url : script.dataset.url;
    if (!url) return;
    const strip = document.getElementById("ringotel-strip") || makeStrip();
    const announcer = document.createElement("p");
    announcer.className = "ringotel-announcer";
    announcer.setAttribute("aria-live", "polite");
    document.body.append(announcer);

    // Notes by call: {text, base, saved, done, at}. They stay in this tab until the server has them.
    const notes = read(sessionStorage, "ringotel-notes", {});
    const timers = {}, saving = new Set();
    let etag = "", pause = PAUSE, timer = 0, isPolling = false;

    function makeStrip() {
        const section = document.createElement("section");
        section.id = "ringotel-strip";
        section.setAttribute("aria-label", script.dataset.label);
        document.body.append(section);
        return section;
    }

    function read(storage, name, otherwise) {
        try {
            return JSON.parse(storage.getItem(name)) || otherwise;
        } catch {
            return otherwise;
        }
    }

    function write(storage, name, value) {
        try {
            storage.setItem(name, JSON.stringify(value));
        } catch {
            // The storage is full or disabled: notes are saved by the server alone.
        }
    }

    const rows = () => Array.from(strip.querySelectorAll("[data-ringotel-call]"));
    const idOf = (row) => row.dataset.ringotelCall;
    const areaOf = (row) => row.querySelector("textarea");
    const isUnsaved = (id) => Boolean(notes[id]) && !notes[id].saved;
    const isKept = (id) => isUnsaved(id) || (Boolean(notes[id]) && Date.now() - notes[id].at < LINGER);
    const isInUse = (row) => isKept(idOf(row)) || row.contains(document.activeElement);

    // ---- Notes

    function keep(id, values) {
        notes[id] = {...notes[id], ...values};
        write(sessionStorage, "ringotel-notes", notes);
    }

    function forget(id) {
        delete notes[id];
        write(sessionStorage, "ringotel-notes", notes);
    }

    function show(row, state) {
        row.querySelector(".ringotel-ring-state").textContent = state ? row.querySelector("form").dataset[state] : "";
    }

    // Show the comment as the server has it, unless another text is being written.
    function adopt(row, comment) {
        const area = areaOf(row), base = row.querySelector("[name=base]");
        row.dataset.comment = comment;
        if (isUnsaved(idOf(row)) || document.activeElement === area) return;
        area.value = base.value = comment;
    }

    function saveLater(row, milliseconds, done = false) {
        clearTimeout(timers[idOf(row)]);
        timers[idOf(row)] = setTimeout(save, milliseconds, row, done);
    }

    // `done`: the field was left, so the note is complete for now.
    async function save(row, done = false) {
        const id = idOf(row), form = row.querySelector("form"), text = areaOf(row).value;
        if (saving.has(id)) return saveLater(row, TYPING, done);
        clearTimeout(timers[id]);
        saving.add(id);
        show(row, "saving");
        let state = "failed";
        try {
            const response = await send(form, done);
            if (response.ok) {
                const {comment} = await response.json();
                state = "saved";
                form.elements.base.value = text;
                const saved = areaOf(row).value === text;
                keep(id, {base: text, saved, done: done && saved});
                adopt(row, comment);
            } else if (response.status === 400) {
                state = "refused";
            } else if (response.status === 403) {
                state = "login";
                etag = ""; // the next response has a new token
            }
        } catch {
            // The connection is lost.
        }
        saving.delete(id);
        show(row, state);
        if (isUnsaved(id) && state !== "refused") saveLater(row, state === "saved" ? TYPING : RETRY, done);
    }

    function send(form, done, options = {}) {
        const body = new FormData(form);
        if (done) body.set("done", "1");
        return fetch(form.action, {method: "POST", body, headers: {Accept: "application/json"}, ...options});
    }

    async function dismiss(row) {
        const id = idOf(row);
        if (isUnsaved(id)) await save(row, true);
        if (isUnsaved(id)) return;
        forget(id);
        const hidden = read(localStorage, "ringotel-hidden", []);
        write(localStorage, "ringotel-hidden", [...hidden, id].slice(-MAX_CALLS));
        row.remove();
    }

    // ---- Rows

    function enable(row) {
        const id = idOf(row), form = row.querySelector("form"), note = notes[id];
        const button = row.querySelector(".ringotel-ring-dismiss");
        button.hidden = false;
        button.addEventListener("click", () => dismiss(row));
        if (!form) return;
        const area = areaOf(row), base = form.elements.base;
        form.querySelector("[data-ringotel-submit]").hidden = true;
        row.dataset.comment = base.value;
        if (isUnsaved(id)) { // typed on the page before
            area.value = note.text;
            base.value = note.base;
            saveLater(row, 0);
        }
        area.addEventListener("input", () => {
            keep(id, {text: area.value, base: base.value, saved: false, done: false, at: Date.now()});
            show(row, "");
            saveLater(row, TYPING);
        });
        area.addEventListener("blur", () => {
            if (notes[id] && !notes[id].done) save(row, true);
            else adopt(row, row.dataset.comment);
        });
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            save(row, true);
        });
    }

    // Show times in the browser's time zone.
    function localTimes(received) {
        for (const time of received.querySelectorAll(".ringotel-ring-caller time")) {
            time.textContent = new Date(time.dateTime).toLocaleString(root.lang || undefined, {dateStyle: "medium", timeStyle: "short"});
        }
    }

    function update(row, received) {
        const [old, part] = [row, received].map((one) => one.querySelector(".ringotel-ring-caller"));
        if (old.innerHTML !== part.innerHTML) {
            const focused = old.contains(document.activeElement) && document.activeElement.href;
            old.replaceWith(part);
            if (focused) Array.from(part.querySelectorAll("a")).find((link) => link.href === focused)?.focus();
        }
        const [form, newForm] = [row, received].map((one) => one.querySelector("form"));
        if (!form || !newForm) return;
        form.elements.csrfmiddlewaretoken.value = newForm.elements.csrfmiddlewaretoken.value;
        adopt(row, newForm.elements.base.value);
    }

    function showRows(received) {
        const hidden = new Set(read(localStorage, "ringotel-hidden", []));
        const shown = new Set(), announced = read(sessionStorage, "ringotel-announced", []), news = [];
        for (const row of received) {
            const id = idOf(row), old = rows().find((one) => idOf(one) === id);
            shown.add(id);
            if (old) {
                update(old, row);
            } else if (!hidden.has(id) || isUnsaved(id)) {
                strip.append(row);
                enable(row);
                if (row.dataset.announcement && !announced.includes(id)) {
                    announced.push(id);
                    news.push(row.dataset.announcement);
                }
            }
        }
        for (const row of rows()) {
            if (shown.has(idOf(row)) || isInUse(row)) continue;
            forget(idOf(row));
            row.remove();
        }
        if (news.length) announcer.textContent = news.join(". ");
        write(sessionStorage, "ringotel-announced", announced.slice(-MAX_CALLS));
    }

    // ---- The page of live calls

    const state = document.getElementById("ringotel-live-state");
    const calls = () => Array.from(board.querySelectorAll("[data-call]"));
    let known = new Set(board ? calls().map((row) => row.dataset.call) : []);
    const notifies = () => Boolean(board) && "Notification" in window && Notification.permission === "granted";

    function report(name) {
        if (state) state.textContent = name ? state.dataset[name] : "";
    }

    function formatSeconds(seconds) {
        const pad = (number) => String(number).padStart(2, "0");
        const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
        return (hours ? `${hours}:${pad(minutes)}` : minutes) + ":" + pad(seconds % 60);
    }

    function updateTimers() {
        for (const element of board.querySelectorAll("[data-ringotel-since]")) {
            element.textContent = formatSeconds(Math.max(0, Math.round((Date.now() - new Date(element.dateTime)) / 1000)));
        }
    }

    function showBoard(received) {
        const focused = board.contains(document.activeElement) && document.activeElement.href;
        board.replaceChildren(...received.childNodes);
        updateTimers();
        for (const row of calls()) {
            if (known.has(row.dataset.call) || !row.dataset.incoming || !notifies()) continue;
            const notification = new Notification(board.dataset.title, {body: row.dataset.name, tag: row.dataset.call});
            notification.onclick = () => { window.focus(); row.querySelector("a").click(); };
        }
        known = new Set(calls().map((row) => row.dataset.call));
        if (focused) Array.from(board.querySelectorAll("a")).find((link) => link.href === focused)?.focus();
    }

    function enableBoard() {
        const button = document.getElementById("ringotel-notify");
        const updateButton = () => { button.hidden = !("Notification" in window) || Notification.permission !== "default"; };
        button.addEventListener("click", () => Notification.requestPermission().then(updateButton));
        updateButton();
        setInterval(updateTimers, 1000);
        updateTimers();
    }

    // ---- Requests

    function address() {
        const ids = new Set(Object.keys(notes).filter(isKept));
        for (const row of rows()) {
            if (isInUse(row)) ids.add(idOf(row));
        }
        return ids.size ? `${url}?keep=${Array.from(ids).join(",")}` : url;
    }

    async function poll() {
        if (isPolling) return;
        isPolling = true;
        clearTimeout(timer);
        let isLast = false;
        try {
            const response = await fetch(address(), {cache: "no-store", headers: etag ? {"If-None-Match": etag} : {}});
            if (response.redirected || response.status === 403) {
                report("login");
                isLast = !rows().some((row) => isUnsaved(idOf(row)));
                pause = MAX_PAUSE;
            } else if (response.status === 200) {
                const received = new DOMParser().parseFromString(await response.text(), "text/html");
                localTimes(received);
                if (board) showBoard(received.querySelector("[data-ringotel-board]"));
                showRows(received.querySelectorAll("[data-ringotel-call]"));
                etag = response.headers.get("ETag") || "";
                pause = PAUSE;
                report("");
            } else if (response.status === 304) {
                pause = PAUSE;
                report("");
            } else {
                throw new Error(String(response.status));
            }
        } catch {
            report("lost");
            pause = Math.min(pause * 2, MAX_PAUSE);
        }
        isPolling = false;
        if (!isLast) pollLater();
    }

    function pollLater() {
        if (!document.hidden) timer = setTimeout(poll, pause);
        else if (notifies()) timer = setTimeout(poll, Math.max(pause, HIDDEN_PAUSE));
    }

    document.addEventListener("visibilitychange", () => {
        if (!document.hidden) poll();
    });
    addEventListener("pagehide", () => {
        for (const row of rows()) {
            if (isUnsaved(idOf(row))) send(row.querySelector("form"), true, {keepalive: true});
        }
    });
    rows().forEach(enable);
    if (board) enableBoard();
    poll();
})();
