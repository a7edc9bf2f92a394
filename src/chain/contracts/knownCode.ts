import type { KnownCode } from './code.ts';

/** Code of the contracts of this release, with CLZ and without. Generated: `npm run codes -- --update`. */
export const KNOWN_CODE = {
  oracle: [
    {
      immutables: [
        1371, 1794, 2025, 2853, 3800, 4303, 4465, 4949, 5817, 6788, 7508, 7552, 7596, 7640, 7684, 7728, 7790,
        7834, 7878, 7922, 7966, 8010, 8420, 8651, 9483, 10155, 10611, 11294, 15456, 16138, 16180, 16255,
        16297, 16397, 16436, 16504, 16543, 16611, 16650, 16719, 16758, 16875, 17323,
      ],
      hash: '0x5f252fd91ad4f6aed742710c8c20d69bcc678e0dc2694dfc3e750709de5fe051',
    },
  ],
  game: [
    {
      immutables: [
        638, 872, 3318, 3610, 4219, 4678, 5459, 5542, 6380, 7977, 8165, 8745, 10519, 10747, 10914, 10982,
        11814, 11999, 13661, 13916, 15244, 17705, 18009, 18155, 18296, 19373, 20710, 21258,
      ],
      hash: '0xd85bdd7c46c97d1ecde39b39de133abb597b058cb85f8f336cc62964f53eb662',
    },
    {
      immutables: [
        638, 872, 3318, 3610, 4219, 4678, 5459, 5542, 6380, 7977, 8165, 8745, 10649, 10877, 11044, 11112,
        11944, 12129, 13791, 14046, 15374, 17835, 18139, 18285, 18426, 19503, 20971, 21519,
      ],
      hash: '0xf3b9a3ef7c2a7db8e3ab3d8e180d461bb043fcf354d85443973d222b7703a83b',
    },
  ],
  registry: [
    { immutables: [], hash: '0xa9e0a67c865c70e911e1ed6f22fa35105d04218d86d69db78ba9b1db2b7ce989' },
    { immutables: [], hash: '0x54d2139d82617eea927f8407eb83e71c78baec0289a42d40cd1d6a660c083901' },
  ],
  referee: [
    { immutables: [], hash: '0x6515b9c8d77eb21f13bef5f161b5d05e884c8b0fcbfe17a070258cfc4b6b15fa' },
    { immutables: [], hash: '0x612d69bd43b3d164cfafe2379135d032d8203a1acdcf1e07d413251e3e4c7b59' },
  ],
} as const satisfies Record<string, readonly KnownCode[]>;
