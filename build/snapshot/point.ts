/**
 * The machine code at which a started engine is taken, and from which each snapshot goes on (point_x86_64.s).
 * @module
 */

/** The bytes of point_x86_64.s; point_test.ts assembles it again. */
export const POINT: Uint8Array<ArrayBuffer> = Uint8Array.fromHex(
  "5355415441554156415748892764488b04251000000048894708488d052500000048894710b8270000000f0589c7be130000" +
    "00b83e0000000f05b8e7000000bf010000000f054889fbb89e000000bf02100000488b73080f05488b23415f415e415d415c" +
    "5d5bb801000000c3",
);
