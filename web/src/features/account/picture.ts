// Which part of a picture becomes somebody's own: a square, moved and made smaller within it.

/** Size is that of a picture. */
export interface Size {
  width: number;
  height: number;
}

/** Crop is a square by its middle, in pixels of the picture; zoom 1 is the largest that fits. */
export interface Crop {
  x: number;
  y: number;
  zoom: number;
}

export const largest = 8; // zoom

/** side is how long a square is. */
export const side = (of: Size, c: Crop): number => Math.min(of.width, of.height) / c.zoom;

/** middle is the crop to begin with. */
export const middle = (of: Size): Crop => ({ x: of.width / 2, y: of.height / 2, zoom: 1 });

/** within keeps a crop inside of the picture. */
export function within(of: Size, c: Crop): Crop {
  const zoom = Math.max(1, Math.min(largest, c.zoom));
  const half = side(of, { ...c, zoom }) / 2;
  const keep = (at: number, length: number) => Math.max(half, Math.min(length - half, at));
  return { x: keep(c.x, of.width), y: keep(c.y, of.height), zoom };
}

/** draw puts the part onto a canvas. */
export function draw(image: ImageBitmap, c: Crop, canvas: HTMLCanvasElement | OffscreenCanvas): void {
  const length = side(image, c);
  const context = canvas.getContext("2d") as CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D | null;
  context?.clearRect(0, 0, canvas.width, canvas.height);
  context?.drawImage(image, c.x - length / 2, c.y - length / 2, length, length, 0, 0, canvas.width, canvas.height);
}

/** cut makes a picture of the part, small enough for an avatar. What the camera wrote into the file, as the place, stays out. */
export function cut(image: ImageBitmap, c: Crop, pixels = 256): Promise<Blob> {
  const canvas = new OffscreenCanvas(pixels, pixels);
  draw(image, c, canvas);
  return canvas.convertToBlob({ type: "image/png" });
}
