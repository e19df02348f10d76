'use strict';
// What the page can do beside being read: switch its colours, sort its tables, copy lines, say exact bytes.

{
  const root = document.documentElement;
  const KEY = 'layerlens-theme';

  // A page from a file may have no storage; then the choice lasts as long as the page.
  const remember = (theme) => { try { localStorage.setItem(KEY, theme); } catch { /* it is only a colour */ } };
  const remembered = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
  const system = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : system.matches);

  const wanted = remembered();
  if (wanted === 'dark' || wanted === 'light') root.dataset.theme = wanted;

  function toggle() {
    const button = document.getElementById('theme');
    const label = () => { button.textContent = isDark() ? 'Light' : 'Dark'; };
    button.hidden = false;
    button.setAttribute('aria-label', 'Switch between light and dark');
    button.addEventListener('click', () => {
      root.dataset.theme = isDark() ? 'light' : 'dark';
      remember(root.dataset.theme);
      label();
    });
    system.addEventListener('change', label);
    label();
  }

  const words = new Intl.Collator('en', { numeric: true });

  function compare(a, b) {
    const [left, right] = [a, b].map((cell) => cell.querySelector('data'));
    if (left && right) return Number(left.value) - Number(right.value);
    return words.compare(a.textContent, b.textContent);
  }

  function sort(heading) {
    const table = heading.closest('table');
    const column = heading.cellIndex;
    const first = heading.classList.contains('n') ? 'descending' : 'ascending';
    const other = first === 'ascending' ? 'descending' : 'ascending';
    const order = heading.getAttribute('aria-sort') === first ? other : first;
    for (const cell of heading.parentElement.cells) cell.removeAttribute('aria-sort');
    heading.setAttribute('aria-sort', order);
    const sign = order === 'ascending' ? 1 : -1;
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => sign * compare(a.cells[column], b.cells[column]));
    table.tBodies[0].append(...rows);
  }

  // The headings become buttons; the row of what is summed up stays below, it is no part of the body.
  function sortable(table) {
    for (const heading of table.tHead.rows[0].cells) {
      if ('plain' in heading.dataset) continue;
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...heading.childNodes);
      button.addEventListener('click', () => sort(heading));
      heading.append(button);
    }
  }

  async function copy(pre) {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      return true;
    } catch {
      // Pages that are no secure context have only the old way.
      getSelection().selectAllChildren(pre);
      return document.execCommand('copy');
    }
  }

  function copyable(pre) {
    const box = document.createElement('div');
    const button = document.createElement('button');
    box.className = 'lines';
    button.type = 'button';
    button.textContent = 'Copy';
    button.setAttribute('aria-live', 'polite');
    button.addEventListener('click', async () => {
      button.textContent = await copy(pre) ? 'Copied' : 'Press Ctrl+C';
      setTimeout(() => { button.textContent = 'Copy'; }, 2000);
    });
    pre.replaceWith(box);
    box.append(pre, button);
  }

  function exact(event) {
    const size = event.target.closest?.('data');
    if (size && !size.title && size.textContent.endsWith('B')) {
      size.title = `${Number(size.value).toLocaleString('en').replaceAll(',', '\u202f')} bytes`;
    }
  }

  addEventListener('DOMContentLoaded', () => {
    toggle();
    document.querySelectorAll('table.sortable').forEach(sortable);
    document.querySelectorAll('pre.copy').forEach(copyable);
    document.addEventListener('pointerover', exact);
  });
}
