import type { KnownCode } from './code.ts';

/** Code of the contracts of this release, with CLZ and without. Generated: `npm run codes -- --update`. */
export const KNOWN_CODE = {
  oracle: [
    {
      immutables: [
        1255, 1653, 1884, 2626, 3527, 3967, 4129, 4519, 5298, 5989, 6478, 6522, 6566, 6610, 6654, 6698, 6760,
        6804, 6848, 6892, 6936, 6980, 7390, 7621, 8367, 9089, 9480, 10075, 14213, 14664, 14706, 14781, 14823,
        14923, 14962, 15030, 15069, 15137, 15176, 15245, 15284, 15401, 15618,
      ],
      hash: '0x9fe21e18734f6de0e21fc28dd4b634613e5239ac81cce8f456910f0604cbb455',
    },
  ],
  game: [
    {
      immutables: [
        648, 863, 3179, 3472, 4115, 4489, 5210, 5293, 6146, 7688, 7857, 8422, 10036, 10210, 10341, 10409,
        11214, 11380, 12968, 13204, 14407, 16896, 17181, 17308, 17430, 18480, 19671, 20219,
      ],
      hash: '0xe10f92b6de293bd40c7d1aac6492a4eb74b38d52ae84ac9b12b90304942cc448',
    },
    {
      immutables: [
        648, 863, 3179, 3472, 4115, 4489, 5210, 5293, 6146, 7688, 7857, 8422, 10166, 10340, 10471, 10539,
        11344, 11510, 13098, 13334, 14537, 17026, 17311, 17438, 17560, 18610, 19932, 20480,
      ],
      hash: '0x4f70fdcc005b27b80e6a414484f1ba197b6045d747455ee4b0f6d256e8813016',
    },
  ],
  registry: [
    { immutables: [], hash: '0xc230302d98ccf1025f4adc1daa42a50598b2f11385498db29cce9db3ad64fa52' },
    { immutables: [], hash: '0x98730a888613feec6684e96060352bb02f64ffb0fe91e78251db83ffb920e0dd' },
  ],
  referee: [
    { immutables: [], hash: '0x24f31c31af016fb7db0277b07d71eb1f7bfe7dd4db594c4a985095ac02b0d669' },
    { immutables: [], hash: '0xd070ddaba3e71c80937fba56efc841e4148a0073afcdb51d4e0181d80200c681' },
  ],
} as const satisfies Record<string, readonly KnownCode[]>;
