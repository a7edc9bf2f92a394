// Finds the face in a picture that is drawn from a few ellipses.
//
//   npx tsx examples/face/main.ts
import { facePicture } from '../models/pictures.ts';
import { SIDE } from './decode.ts';
import { faceDetector } from './detect.ts';

const detect = await faceDetector();
const face = await detect(facePicture(SIDE));
const shown = (part: number): string => (100 * part).toFixed(0).padStart(3);
if (!face) console.log('no face');
else {
  console.log(`a face with score ${face.score.toFixed(3)}; of the picture's side, from left and top, in %:`);
  console.log(
    `${'centre'.padEnd(10)}${shown(face.centre.x)} ${shown(face.centre.y)}, ${shown(face.width)} wide`,
  );
  for (const [name, { x, y }] of Object.entries(face.points))
    console.log(`${name.padEnd(10)}${shown(x)} ${shown(y)}`);
}
process.exit();
