'use strict';
// The treemaps: each is drawn from the list of paths beside it, two levels at a time. A click or Enter opens a folder,
// the arrows move, Backspace and the path above go back.

{
  const make = (tag, className, ...content) => {
    const element = document.createElement(tag);
    element.className = className;
    element.append(...content);
    return element;
  };

  // A line of the list: its name, bar, size, share and number of files, and the lines below it.
  function read(line, parent) {
    const row = line.querySelector(':scope > p, :scope > details > summary');
    const [name, , size, share, files] = [...row.children].map((cell) => cell.textContent);
    const node = { name, size, share, files, parent, bytes: Number(row.querySelector('data').value) };
    node.path = parent.path === '/' ? `/${name}` : `${parent.path}/${name}`;
    node.children = [...line.querySelectorAll(':scope > details > ul > li')].map((child) => read(child, node));
    return node;
  }

  // Squarified: a row takes the next item as long as that makes its worst tile squarer. The items keep their order, so
  // that what is summed up lies in the last corner, however large it is.
  function layout(nodes, width, height) {
    const rest = [...nodes];
    const scale = (width * height) / rest.reduce((sum, node) => sum + node.bytes, 0);
    const tiles = [];
    let [x, y, w, h] = [0, 0, width, height];
    while (rest.length > 0) {
      const side = Math.min(w, h);
      let [count, area, worst, most, least] = [0, 0, Infinity, 0, Infinity];
      while (count < rest.length) {
        const item = rest[count].bytes * scale;
        const next = area + item;
        [most, least] = [Math.max(most, item), Math.min(least, item)];
        const ratio = Math.max((side * side * most) / (next * next), (next * next) / (side * side * least));
        if (ratio > worst) break;
        [count, area, worst] = [count + 1, next, ratio];
      }
      const depth = area / side;
      let along = 0;
      for (const node of rest.splice(0, count)) {
        const length = (node.bytes * scale) / depth;
        tiles.push(w >= h ? { node, x, y: y + along, w: depth, h: length } : { node, x: x + along, y, w: length, h: depth });
        along += length;
      }
      [x, y, w, h] = w >= h ? [x + depth, y, w - depth, h] : [x, y + depth, w, h - depth];
    }
    return tiles;
  }

  // In percent, so that a tile keeps its place when the page is printed.
  function place(element, tile, width, height) {
    const { style } = element;
    style.left = `${(tile.x / width) * 100}%`;
    style.top = `${(tile.y / height) * 100}%`;
    style.width = `${(tile.w / width) * 100}%`;
    style.height = `${(tile.h / height) * 100}%`;
  }

  const LABEL = 22;
  const GAP = 4;

  // What is in a folder, as silent boxes on its tile: they are not in the button, whose name says it all.
  function boxes(tile, width, height) {
    const inner = { w: tile.w - 2 * GAP, h: tile.h - LABEL - GAP };
    if (tile.node.children.length === 0 || inner.w < 40 || inner.h < 24) return [];
    return layout(tile.node.children, inner.w, inner.h).filter(({ w, h }) => w > 3 && h > 3).map((box) => {
      const element = make('span', 'box', box.w > 36 && box.h > 18 ? box.node.name : '');
      element.setAttribute('aria-hidden', 'true');
      place(element, { ...box, x: tile.x + box.x + GAP, y: tile.y + box.y + LABEL }, width, height);
      return element;
    });
  }

  function draw(tile, at, width, height) {
    const { node } = tile;
    const button = make('button', `tile k${at % 8}`);
    button.type = 'button';
    button.tabIndex = at === 0 ? 0 : -1;
    const opens = node.children.length > 0;
    button.setAttribute('aria-label', `${node.name} ${node.size}, ${node.share}, ${node.files} files${opens ? ', opens' : ''}`);
    if (!opens) button.setAttribute('aria-disabled', 'true');
    if (tile.w > 34 && tile.h > 18) {
      button.append(make('span', 'label', make('b', '', node.name), ` ${node.size}, ${node.share}`));
    }
    place(button, tile, width, height);
    return button;
  }

  // The nearest tile in a direction; what lies aside counts more than what lies ahead.
  function neighbour(tiles, from, [right, down]) {
    const middle = (tile) => [tile.x + tile.w / 2, tile.y + tile.h / 2];
    const [x, y] = middle(from);
    let [best, least] = [null, Infinity];
    for (const tile of tiles) {
      const [dx, dy] = [middle(tile)[0] - x, middle(tile)[1] - y];
      const [ahead, aside] = [dx * right + dy * down, Math.abs(dx * down) + Math.abs(dy * right)];
      if (tile !== from && ahead > 1 && ahead + 2 * aside < least) [best, least] = [tile, ahead + 2 * aside];
    }
    return best;
  }

  function count(number, word) {
    return `${number} ${word}${String(number) === "1" ? "" : "s"}`;
  }

  const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

  class Treemap {
    constructor(box) {
      const list = document.getElementById(box.dataset.of);
      this.root = { name: '/', path: '/', parent: null, children: [] };
      this.root.children = [...list.children].map((line) => read(line, this.root));
      this.crumbs = make('div', 'crumbs');
      this.map = make('div', 'map');
      this.map.setAttribute('role', 'group');
      const title = box.previousElementSibling.firstChild.textContent.trim();
      this.map.setAttribute('aria-label', `Treemap: ${title}. Enter opens, the arrows move, Backspace goes back.`);
      this.status = make('p', 'status');
      box.append(this.crumbs, this.map, this.status);
      box.hidden = false;
      this.map.addEventListener('keydown', (event) => this.key(event));
      this.map.addEventListener('click', (event) => this.open(this.tileOf(event.target)?.node, event.detail === 0));
      for (const kind of ['pointerover', 'focusin']) {
        this.map.addEventListener(kind, (event) => this.say(this.tileOf(event.target)?.node));
      }
      this.show(this.root);
      let width = this.map.clientWidth;
      new ResizeObserver(() => {
        if (this.map.clientWidth === width || matchMedia('print').matches) return;
        width = this.map.clientWidth;
        this.show(this.shown);
      }).observe(this.map);
    }

    tileOf(target) {
      const button = target.closest('.tile');
      return this.tiles.find((tile) => tile.button === button);
    }

    show(node) {
      this.shown = node;
      const [width, height] = [this.map.clientWidth, this.map.clientHeight];
      this.tiles = layout(node.children, width, height);
      this.tiles.forEach((tile, at) => { tile.button = draw(tile, at, width, height); });
      this.map.replaceChildren(...this.tiles.flatMap((tile) => [tile.button, ...boxes(tile, width, height)]));
      const trail = [];
      for (let above = node; above; above = above.parent) trail.unshift(above);
      this.crumbs.replaceChildren(...trail.map((above) => this.crumb(above)));
      this.say(null);
    }

    crumb(node) {
      if (node === this.shown) return make('span', '', node.name);
      const button = make('button', '', node.name);
      button.type = 'button';
      button.addEventListener('click', () => {
        this.show(node);
        this.focus(this.tiles[0]);
      });
      return button;
    }

    open(node, byKey) {
      if (!node || node.children.length === 0) return;
      this.show(node);
      if (byKey) this.focus(this.tiles[0]);
    }

    back() {
      const left = this.shown;
      if (!left.parent) return;
      this.show(left.parent);
      this.focus(this.tiles.find((tile) => tile.node === left));
    }

    focus(tile) {
      if (!tile) return;
      for (const { button } of this.tiles) button.tabIndex = button === tile.button ? 0 : -1;
      tile.button.focus();
    }

    say(node) {
      this.status.textContent = node
        ? `${node.path}: ${node.size}, ${node.share} of all, ${count(node.files, "file")}`
        : `${count(this.tiles.length, "place")} in ${this.shown.path}`;
    }

    key(event) {
      const arrow = ARROWS[event.key];
      const from = this.tileOf(event.target);
      if (arrow && from) {
        this.focus(neighbour(this.tiles, from, arrow));
      } else if (event.key === 'Backspace' || event.key === 'Escape') {
        this.back();
      } else {
        return;
      }
      event.preventDefault();
    }
  }

  addEventListener('DOMContentLoaded', () => {
    for (const box of document.querySelectorAll('.treemap')) {
      new Treemap(box);
      box.nextElementSibling.open = false;
    }
  });
}
