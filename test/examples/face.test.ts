import { expect } from 'chai';
import { type Face, SIDE } from '../../examples/face/decode.ts';
import { faceDetector, modelFile } from '../../examples/face/detect.ts';
import { facePicture } from '../../examples/models/pictures.ts';
import { availableOrSkip } from '../support/available.ts';
import { expectNear } from '../support/near.ts';
import { floats } from '../support/onnx.ts';
import { expectAgreement } from '../support/realModel.ts';

describe('the face example', function () {
  this.timeout(60_000);
  let detect: (picture: Float32Array) => Promise<Face | undefined>;
  const picture = facePicture(SIDE);

  before(async function () {
    detect = await availableOrSkip(this, faceDetector);
  });

  it('finds the drawn face, its eyes, nose and mouth where they were drawn', async () => {
    const face = (await detect(picture))!;
    expect(face.score).to.be.above(0.8);
    // Where pictures.ts draws them.
    const drawn = { 'right eye': [0.4, 0.46], 'left eye': [0.6, 0.46], nose: [0.5, 0.57], mouth: [0.5, 0.7] };
    for (const [name, [x, y]] of Object.entries(drawn)) {
      const found = face.points[name as keyof typeof drawn];
      expectNear(found.x, x as number, 0.04, `${name} across`);
      expectNear(found.y, y as number, 0.04, `${name} down`);
    }
  });

  it('finds no face in an empty picture, nor in stripes', async () => {
    expect(await detect(new Float32Array(picture.length))).to.equal(undefined);
    expect(await detect(picture.map((_, i) => (Math.floor(i / 24) % 2 === 0 ? 0.8 : -0.8)))).to.equal(
      undefined,
    );
  });

  it('agrees with onnxruntime on all scores, boxes and points', async () => {
    await expectAgreement(modelFile(), {}, { 'input:0': floats([1, SIDE, SIDE, 3], [...picture]) });
  });
});
