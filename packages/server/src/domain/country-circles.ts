/** A circle on the globe that a country lies in: its centre in degrees, its radius in kilometres. */
export interface Circle {
  readonly latitude: number;
  readonly longitude: number;
  readonly radiusKm: number;
}

/*
 * For each country (ISO 3166-1), the smallest circle about its main land and what is within 5,000 km of it, rounded outwards:
 * latitude, longitude, radius. Computed from Natural Earth's 1:50m outlines, which are in the public domain.
 */
const TABLE = `
  AD 43 2 100, AE 25 54 300, AF 33 68 800, AG 17 -62 100, AI 18 -63 100, AL 41 20 200, AM 40 45 200,
  AO -11 18 1000, AQ -66 -43 5200, AR -38 -66 1900, AS -14 -171 100, AT 48 13 400, AU -28 134 2200, AW 13 -70 100,
  AX 60 20 100, AZ 40 48 300, BA 44 17 300, BB 13 -60 100, BD 24 90 500, BE 50 4 200, BF 11 -2 500, BG 43 25 400,
  BH 26 51 100, BI -3 30 200, BJ 9 2 400, BL 18 -63 100, BM 32 -65 100, BN 4 115 200, BO -16 -64 900,
  BR -13 -55 2400, BS 24 -76 500, BT 27 90 300, BW -23 24 700, BY 53 28 400, BZ 17 -89 200, CA 59 -90 2800,
  CD -4 23 1300, CF 6 21 800, CG -1 15 700, CH 47 8 200, CI 7 -6 500, CK -21 -160 100, CL -37 -69 2200,
  CM 7 13 700, CN 41 104 2600, CO 4 -71 1000, CR 10 -84 300, CU 21 -80 700, CV 16 -24 200, CW 12 -69 100,
  CY 35 33 100, CZ 50 15 300, DE 51 10 500, DJ 12 42 200, DK 56 12 300, DM 15 -61 100, DO 19 -70 300, DZ 28 2 1200,
  EC -1 -83 1000, EE 59 25 300, EG 27 31 900, EH 24 -13 600, ER 15 40 500, ES 35 -7 1300, ET 8 40 900,
  FI 65 25 600, FJ -18 179 300, FK -52 -59 200, FM 7 151 1500, FO 62 -7 100, FR 45 3 800, GA -1 12 400,
  GB 55 -3 700, GD 12 -62 100, GE 42 43 400, GG 49 -3 100, GH 8 -2 500, GL 72 -37 1400, GM 13 -15 300,
  GN 10 -11 500, GQ 2 10 300, GR 38 24 500, GS -56 -32 500, GT 16 -90 300, GU 13 145 100, GW 12 -15 200,
  GY 5 -59 500, HK 22 114 100, HM -53 74 100, HN 15 -86 400, HR 44 16 400, HT 19 -73 200, HU 47 19 400,
  ID -2 118 2700, IE 53 -9 300, IL 31 35 300, IM 54 -5 100, IN 22 83 1700, IO -7 72 100, IQ 33 44 600,
  IR 33 54 1200, IS 65 -19 300, IT 42 12 700, JE 49 -2 100, JM 18 -77 200, JO 31 37 400, JP 35 136 1400,
  KE 1 38 700, KG 41 75 600, KH 13 105 400, KI -6 -171 2300, KM -12 44 200, KN 17 -63 100, KP 40 128 400,
  KR 36 127 400, KW 29 48 200, KY 20 -81 200, KZ 49 67 1500, LA 18 105 700, LB 34 36 200, LC 14 -61 100,
  LI 47 10 100, LK 8 80 300, LR 6 -9 400, LS -30 28 200, LT 55 24 300, LU 50 6 100, LV 56 25 300, LY 27 18 1100,
  MA 28 -10 1100, MC 44 7 100, MD 47 28 200, ME 43 19 200, MF 18 -63 100, MG -19 47 900, MH 9 169 400,
  MK 42 22 200, ML 17 -4 1000, MM 19 98 1100, MN 48 104 1300, MO 22 114 100, MP 16 145 400, MR 20 -11 900,
  MS 17 -62 100, MT 36 14 100, MU -20 58 100, MV 4 73 100, MW -13 34 500, MX 25 -102 1700, MY 6 110 1100,
  MZ -19 36 1100, NA -21 18 900, NC -20 164 500, NE 18 8 1000, NF -29 168 100, NG 9 9 800, NI 13 -85 300,
  NL 52 5 300, NO 69 15 1300, NP 28 84 500, NR -1 167 100, NU -19 -170 100, NZ -43 172 1000, OM 21 55 700,
  PA 9 -80 400, PE -9 -73 1100, PF -15 -144 1000, PG -6 148 900, PH 12 122 900, PK 31 69 1000, PL 52 19 500,
  PM 47 -56 100, PN -24 -128 100, PR 18 -67 200, PS 32 35 200, PT 40 -17 1100, PW 5 133 400, PY -24 -59 600,
  QA 25 51 200, RO 46 25 400, RS 44 21 300, RU 54 100 4800, RW -2 30 200, SA 25 45 1200, SB -9 161 800,
  SC -5 55 100, SD 15 30 1100, SE 62 17 800, SG 1 104 100, SH -12 -10 700, SI 46 15 200, SK 49 20 300,
  SL 8 -12 300, SM 44 12 100, SN 14 -14 400, SO 5 46 1000, SR 4 -56 300, SS 8 30 700, ST 1 7 200, SV 14 -89 200,
  SX 18 -63 100, SY 35 39 400, SZ -27 32 200, TC 22 -72 100, TD 15 17 1000, TF -48 61 800, TG 9 1 400,
  TH 13 101 900, TJ 38 71 400, TL -9 126 300, TM 40 60 700, TN 34 10 500, TO -20 -174 200, TR 39 36 900,
  TT 11 -61 200, TW 24 120 300, TZ -6 35 800, UA 49 31 700, UG 1 32 500, US 44 -117 4000, UY -32 -56 400,
  UZ 43 65 800, VA 42 12 100, VC 13 -61 100, VE 7 -67 900, VG 19 -64 100, VI 18 -65 100, VN 16 105 900,
  VU -17 169 500, WF -14 -177 200, WS -14 -172 100, YE 15 49 700, ZA -28 25 1000, ZM -13 28 800, ZW -19 29 500
`;

const CIRCLES: ReadonlyMap<string, Circle> = new Map(
  TABLE.split(",").map((entry): [string, Circle] => {
    const [code = "", latitude, longitude, radiusKm] = entry.trim().split(" ");
    return [code, { latitude: Number(latitude), longitude: Number(longitude), radiusKm: Number(radiusKm) }];
  }),
);

/** By its ISO 3166-1 alpha-2 code; `undefined` for one that is not known. */
export function findCountryCircle(country: string): Circle | undefined {
  return CIRCLES.get(country);
}
