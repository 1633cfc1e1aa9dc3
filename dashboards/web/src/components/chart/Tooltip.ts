// The box beside the pointer that tells what is below it. Outside React: it moves with every move of the pointer.

import css from './Tooltip.module.css';

export interface TooltipRow {
  name: string;
  value: string;
  /** A token; without it the row has no swatch. */
  colour?: string;
}

export class Tooltip {
  private readonly box = document.createElement('div');

  constructor(private readonly place: HTMLElement) {
    this.box.className = css.tooltip ?? '';
    this.box.setAttribute('aria-hidden', 'true');
    this.hide();
    place.append(this.box);
  }

  /** At `left` and `top` of the place, turned to where there is room. */
  show(left: number, top: number, title: string, rows: readonly TooltipRow[]): void {
    const head = document.createElement('p');
    head.textContent = title;
    this.box.replaceChildren(head, ...rows.map(lineOf));
    this.box.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.box;
    const isRight = left + width + 24 < this.place.clientWidth;
    const y = Math.max(0, Math.min(top - height / 2, this.place.clientHeight - height));
    this.box.style.transform = `translate(${Math.round(isRight ? left + 14 : left - width - 14)}px, ${Math.round(y)}px)`;
  }

  hide(): void {
    this.box.hidden = true;
  }

  remove(): void {
    this.box.remove();
  }
}

function lineOf({ name, value, colour }: TooltipRow): HTMLElement {
  const line = document.createElement('div');
  const swatch = document.createElement('i');
  if (colour !== undefined) swatch.style.background = `var(${colour})`;
  const label = document.createElement('span');
  label.textContent = name;
  const number = document.createElement('b');
  number.textContent = value;
  line.append(swatch, label, number);
  return line;
}
