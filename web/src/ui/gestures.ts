// Fingers on a picture: one moves it, or turns over to the next; two make it larger.

/** Point is where a finger or the mouse is. */
export interface Point {
  x: number;
  y: number;
}

/** Gestures tells what pointers do: move by some pixels, zoom by a factor, or, if nothing else can be moved, swipe (1 next, -1 previous). */
export class Gestures {
  private readonly down = new Map<number, Point>();
  private start: Point | undefined;

  constructor(private readonly on: { move: (by: Point) => void; zoom: (by: number) => void; swipe: (by: 1 | -1) => void }) {}

  press(id: number, at: Point): void {
    this.down.set(id, at);
    this.start = this.down.size === 1 ? at : undefined; // what began with two fingers is no swipe
  }

  drag(id: number, at: Point): void {
    const was = this.down.get(id);
    if (!was) return;
    const other = [...this.down].find(([k]) => k !== id)?.[1];
    this.down.set(id, at);
    if (!other) return this.on.move({ x: at.x - was.x, y: at.y - was.y });
    const before = Math.hypot(was.x - other.x, was.y - other.y);
    if (before > 0) this.on.zoom(Math.hypot(at.x - other.x, at.y - other.y) / before);
  }

  release(id: number, at: Point): void {
    if (!this.down.delete(id) || !this.start) return;
    const [x, y] = [at.x - this.start.x, at.y - this.start.y];
    this.start = undefined;
    if (Math.abs(x) > 60 && Math.abs(x) > 2 * Math.abs(y)) this.on.swipe(x < 0 ? 1 : -1);
  }

  /** cancel forgets a pointer that went elsewhere. */
  cancel(id: number): void {
    this.down.delete(id);
    this.start = undefined;
  }
}
