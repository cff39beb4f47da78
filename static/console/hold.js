// A form that asks before it acts is held back until the dialog is there: its module may come later
// than a quick click. Without modules the form is sent once the page has loaded.
{
  let waiting = null;
  const hold = (event) => {
    if (!event.target.matches("form[data-confirm]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    waiting = [event.target, event.submitter];
  };
  const release = () => {
    document.removeEventListener("submit", hold, true);
    if (waiting) waiting[0].requestSubmit(waiting[1]);
    waiting = null;
  };
  document.addEventListener("submit", hold, true);
  document.addEventListener("confirm-ready", release);
  addEventListener("load", release);
}
