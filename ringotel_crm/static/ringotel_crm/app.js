// Follows the calls. Notes that are being written are not replaced.
"use strict";
(() => {
    const current = document.getElementById("current"), state = document.getElementById("state");
    let etag = "", pause = 3000;

    function show(message) {
        state.textContent = message;
        state.hidden = !message;
    }

    function isEdited() {
        const form = document.getElementById("notes-form");
        if (!form) return false;
        return form.contains(document.activeElement) || Array.from(form.elements).some((field) =>
            field.type === "checkbox" ? field.checked !== field.defaultChecked : field.defaultValue !== undefined && field.value !== field.defaultValue);
    }

    async function poll() {
        if (document.hidden) {
            setTimeout(poll, pause);
            return;
        }
        try {
            const response = await fetch(current.dataset.url, {cache: "no-store", headers: etag ? {"If-None-Match": etag} : {}});
            if (response.status === 403) {
                show(state.dataset.login);
                return;
            }
            if (response.status === 200) {
                const text = await response.text();
                if (etag && isEdited()) {
                    show(state.dataset.changed);
                } else if (etag || !isEdited()) {
                    current.innerHTML = text;
                    etag = response.headers.get("ETag") || "";
                    show("");
                }
            } else if (response.status !== 304) {
                throw new Error(String(response.status));
            } else if (!isEdited()) {
                show("");
            }
            pause = 3000;
        } catch {
            show(state.dataset.lost);
            pause = Math.min(pause * 2, 30000);
        }
        setTimeout(poll, pause);
    }
    poll();
})();
