// End keeps a list at its end while its reader is there: when lines come, when a dock unfolds, when a pane narrows it.

export class End {
  // reached is called when the end comes into sight.
  constructor(place, reached = () => {}) {
    this.place = place;
    this.reached = reached;
    this.there = true;
    this.measure();
    place.addEventListener("scroll", () => {
      // A scroll event that follows a change of size says nothing about the reader.
      if (this.measure()) return;
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
    if (this.there) this.place.scrollTop = this.place.scrollHeight;
    this.measure();
  }

  go() {
    this.there = true;
    this.keep();
    this.reached();
  }
}
