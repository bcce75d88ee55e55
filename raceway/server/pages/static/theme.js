"use strict";
// Before anything is painted: the theme that was chosen.
try { document.documentElement.dataset.theme = localStorage.getItem("theme") || ""; } catch { /* no storage */ }
