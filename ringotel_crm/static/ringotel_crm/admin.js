// Enhances the staff pages. All of them work without it, but live calls do not update.
"use strict";
(() => {
    // The browser's region, such as that of "en-IE", if the page is in the browser's language.
    const pageLanguage = document.documentElement.lang || undefined;
    const language = navigator.languages.find((tag) => tag.split("-")[0] === pageLanguage?.split("-")[0]) || pageLanguage;

    // Show times in the browser's time zone.
    function localTimes(root) {
        const short = {day: "numeric", month: "short", hour: "numeric", minute: "2-digit"};
        const thisYear = new Intl.DateTimeFormat(language, short);
        const otherYear = new Intl.DateTimeFormat(language, {...short, year: "numeric"});
        const zone = thisYear.resolvedOptions().timeZone;
        for (const element of root.querySelectorAll("time[datetime]:not([data-ringotel-since])")) {
            const time = new Date(element.dateTime);
            if (!isNaN(time) && element.dateTime.includes("T")) {
                element.textContent = (time.getFullYear() === new Date().getFullYear() ? thisYear : otherYear).format(time);
                element.title = zone;
            }
        }
    }

    function formatSeconds(seconds) {
        const pad = (number) => String(number).padStart(2, "0");
        const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
        return (hours ? `${hours}:${pad(minutes)}` : minutes) + ":" + pad(seconds % 60);
    }

    function updateTimers(root) {
        for (const element of root.querySelectorAll("[data-ringotel-since]")) {
            element.textContent = formatSeconds(Math.max(0, Math.round((Date.now() - new Date(element.dateTime)) / 1000)));
        }
    }

    async function copy(button) {
        const source = document.getElementById(button.dataset.ringotelCopy);
        try {
            await navigator.clipboard.writeText(source.textContent);
        } catch {
            getSelection().selectAllChildren(source); // select it, ready to be copied
            return;
        }
        const word = button.textContent;
        button.textContent = button.dataset.done;
        setTimeout(() => { button.textContent = word; }, 2000);
    }

    function liveCalls(table) {
        const state = document.getElementById("ringotel-live-state");
        const button = document.getElementById("ringotel-notify");
        const ids = () => new Set(Array.from(table.querySelectorAll("[data-call]"), (row) => row.dataset.call));
        let etag = "", known = ids(), pause = 2000;

        function updateButton() {
            button.hidden = !("Notification" in window) || Notification.permission !== "default";
        }
        button.addEventListener("click", () => Notification.requestPermission().then(updateButton));
        updateButton();

        function announce() {
            for (const row of table.querySelectorAll('[data-incoming="1"]')) {
                if (known.has(row.dataset.call) || !("Notification" in window) || Notification.permission !== "granted") continue;
                const note = new Notification(table.dataset.title, {body: row.dataset.name, tag: row.dataset.call});
                note.onclick = () => { window.focus(); row.querySelector("a").click(); };
            }
            known = ids();
        }

        async function poll() {
            try {
                const response = await fetch(table.dataset.url, {cache: "no-store", headers: etag ? {"If-None-Match": etag} : {}});
                if (response.redirected || response.status === 403) {
                    state.textContent = state.dataset.login;
                    return;
                }
                if (response.status === 200) {
                    const focused = document.activeElement && table.contains(document.activeElement) && document.activeElement.href;
                    table.innerHTML = await response.text();
                    etag = response.headers.get("ETag") || "";
                    updateTimers(table);
                    announce();
                    if (focused) {
                        Array.from(table.querySelectorAll("a")).find((link) => link.href === focused)?.focus();
                    }
                } else if (response.status !== 304) {
                    throw new Error(String(response.status));
                }
                state.textContent = "";
                pause = 2000;
            } catch {
                state.textContent = state.dataset.lost;
                pause = Math.min(pause * 2, 30000);
            }
            setTimeout(poll, pause);
        }
        setInterval(() => updateTimers(table), 1000);
        updateTimers(table);
        poll();
    }

    // Show contacts with the same number or e-mail address while the form is filled in.
    function duplicates(form) {
        const notice = document.getElementById("ringotel-duplicates");
        let timer = 0, lastQuery = "";
        async function lookUp() {
            const query = new URLSearchParams();
            for (const input of form.querySelectorAll(`input[type="email"], ${notice.dataset.inputs}`)) {
                if (input.value.trim()) query.append(input.type === "email" ? "email" : "number", input.value);
            }
            if (query.toString() === lastQuery) return;
            lastQuery = query.toString();
            const response = lastQuery ? await fetch(`${notice.dataset.url}&${lastQuery}`) : null;
            notice.innerHTML = response && response.ok ? await response.text() : "";
        }
        form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(lookUp, 400); });
        lookUp();
    }

    // Make Django's own widgets accessible by keyboard and screen reader.
    function improveAccessibility() {
        for (const select of document.querySelectorAll("select.admin-autocomplete")) {
            const box = select.parentElement.querySelector(".select2-selection");
            const label = select.labels[0];
            if (box && label) {
                label.id ||= `${select.id}_label`;
                const shown = box.querySelector(".select2-selection__rendered");
                box.setAttribute("aria-labelledby", `${label.id} ${shown.id}`);
                shown.setAttribute("aria-labelledby", label.id);
            }
        }
        for (const cell of document.querySelectorAll(".tabular td[class*=field-], .tabular td.delete")) {
            const name = cell.className.match(/field-([\w-]+)/)?.[1];
            const head = cell.closest("table").querySelector(name ? `th.column-${name}` : "th:last-child");
            for (const control of cell.querySelectorAll("input:not([type=hidden]), select, textarea")) {
                if (head && !control.labels.length) control.setAttribute("aria-label", head.firstChild.textContent.trim());
            }
        }
        for (const input of document.querySelectorAll(".datetime input")) {
            if (!input.labels.length) input.setAttribute("aria-label", input.previousSibling.textContent.trim());
        }
        for (const region of document.querySelectorAll("#content .wrapper, #content .results, #content .inline-group")) {
            if (region.scrollWidth > region.clientWidth) region.tabIndex = 0;
        }
    }

    document.addEventListener("formset:added", improveAccessibility);
    document.addEventListener("click", (event) => {
        const button = event.target.closest("[data-ringotel-copy]");
        if (button) copy(button);
    });
    document.addEventListener("DOMContentLoaded", () => {
        localTimes(document);
        window.django?.jQuery ? django.jQuery(improveAccessibility) : improveAccessibility(); // after Django's scripts
        const table = document.getElementById("ringotel-live");
        if (table) liveCalls(table);
        const notice = document.getElementById("ringotel-duplicates");
        if (notice) duplicates(document.getElementById(notice.dataset.form));
    });
})();
