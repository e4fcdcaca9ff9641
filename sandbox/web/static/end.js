// End keeps a list at its end while its reader is there: when lines come, when a dock unfolds, when a pane narrows it.
// A last piece that is taller than the list stays at its own top instead, until the reader scrolls.

export class End {
  // reached is called when the end comes into sight.
  constructor(place, reached = () => {}) {
    this.place = place;
    this.reached = reached;
    this.there = true;
    this.whole = true; // the last piece is shown from its top
    this.put = -1; // where this object scrolled to last
    this.measure();
    place.addEventListener("scroll", () => {
      // A scroll event that follows a change of size says nothing about the reader.
      if (this.measure() || Math.abs(place.scrollTop - this.put) < 2) return;
      this.put = -1;
      this.whole = false;
      this.there = place.scrollHeight - place.scrollTop - place.clientHeight < 60;
      if (this.there) reached();
    });
    new ResizeObserver(() => this.keep()).observe(place);
  }

  // measure returns whether the size is not what it was.
  measure() {
    const size = `${this.place.scrollHeight} ${this.place.clientHeight}`;
    const changed = size !== this.size;
    this.size = size;
    return changed;
  }

  keep() {
    const { place } = this;
    if (this.there) {
      const last = place.lastElementChild;
      const top = this.whole && last ? last.getBoundingClientRect().top - place.getBoundingClientRect().top + place.scrollTop : Infinity;
      place.scrollTop = Math.min(place.scrollHeight - place.clientHeight, top);
      this.put = place.scrollTop;
    }
    this.measure();
  }

  // came says that a new piece is the last one.
  came() {
    this.whole = true;
  }

  go() {
    this.there = true;
    this.whole = true;
    this.keep();
    this.reached();
  }
}
