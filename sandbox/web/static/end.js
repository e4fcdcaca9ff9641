// End keeps a list at its end while its reader is there: when lines come, when a dock unfolds, when
// a pane narrows it. A last piece that is taller than the list stays at its own top instead, until
// the reader scrolls.

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
    // A picture has its size only when it is there. Events of that kind do not bubble.
    place.addEventListener("load", () => this.keep(), true);
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
      const top =
        this.whole && last
          ? last.getBoundingClientRect().top - place.getBoundingClientRect().top + place.scrollTop
          : Infinity;
      place.scrollTop = Math.min(place.scrollHeight - place.clientHeight, top);
      this.put = place.scrollTop;
    }
    this.measure();
  }

  // hold remembers what the reader looks at. The function that it returns puts that back in its
  // place, whatever has changed above it since; or, for a reader who is at the end, the end.
  hold() {
    if (this.there) return () => this.keep();
    const { place } = this;
    const edge = place.getBoundingClientRect().top;
    const seen = [...place.children].find((element) => element.getBoundingClientRect().bottom > edge);
    const key = seen?.dataset.ts;
    const was = seen?.getBoundingClientRect().top;
    return () => {
      const now = key && place.querySelector(`[data-ts="${CSS.escape(key)}"]`);
      if (now) place.scrollTop += now.getBoundingClientRect().top - was;
      this.put = place.scrollTop;
      this.measure();
    };
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
