/** square makes of a picture the middle square, small enough for an avatar. What the camera wrote into the file, as the place, stays out.
 *  It throws if the browser cannot read the picture. */
export async function square(file: Blob, side = 256): Promise<Blob> {
  const image = await createImageBitmap(file);
  const part = Math.min(image.width, image.height);
  const canvas = new OffscreenCanvas(side, side);
  canvas.getContext("2d")?.drawImage(image, (image.width - part) / 2, (image.height - part) / 2, part, part, 0, 0, side, side);
  image.close();
  return canvas.convertToBlob({ type: "image/png" });
}
