// Light or dark: what the system prefers, until the reader chooses.

const prefersDark = matchMedia("(prefers-color-scheme: dark)");

function storedTheme() {
  try {
    return localStorage.getItem("ttc-theme");
  } catch {
    return null; // storage is refused, as in some private windows
  }
}

function applyTheme() {
  document.documentElement.dataset.theme = storedTheme() ?? (prefersDark.matches ? "dark" : "light");
}

function toggleTheme() {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("ttc-theme", theme);
  } catch {
    // It lasts as long as the page.
  }
  document.documentElement.dataset.theme = theme;
}

function themeButton() {
  return button("Light / dark", toggleTheme, { class: "quiet", title: "Switch between light and dark (t)" });
}

applyTheme();
prefersDark.addEventListener("change", applyTheme);
