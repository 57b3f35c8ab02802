// Before anything is painted: the theme that was chosen here, where one was. Elsewhere the system's stands.
try {
  const theme = localStorage.getItem("hindcast.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // A browser that keeps nothing has the system's.
}
