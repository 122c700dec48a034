-- Names of roads in a tile: one a road, amid its longest stretch there, where that is long enough for the text.
-- Degrees of `angle` are anticlockwise from east and never upside down; `rank` says who gives way.
WITH tile AS (
    SELECT ST_TileEnvelope(:z, :x, :y) AS square, ST_Transform(ST_TileEnvelope(:z, :x, :y), 4490) AS here
), part AS (
    SELECT r.id, r.name, r.class, (ST_Dump(ST_LineMerge(ST_CollectionExtract(
        ST_Intersection(ST_Transform(r.geom, 3857), t.square), 2)))).geom AS line
    FROM base.road AS r, tile AS t
    WHERE r.geom && t.here AND r.name <> '' AND r.class = ANY (CAST(:classes AS text[]))
), longest AS (
    SELECT DISTINCT ON (name) id, name, class, line, ST_Length(line) AS length
    FROM part
    WHERE ST_Length(line) >= char_length(name) * CAST(:character_m AS float8)
    ORDER BY name, ST_Length(line) DESC, id
), course AS (
    SELECT id, name, class, ST_LineInterpolatePoint(line, 0.5) AS middle,
        degrees(pi() / 2 - ST_Azimuth(
            ST_LineInterpolatePoint(line, greatest(0.5 - :character_m / length, 0)),
            ST_LineInterpolatePoint(line, least(0.5 + :character_m / length, 1)))) AS angle
    FROM longest
), said AS (
    SELECT c.name, array_position(ARRAY['path', 'lane', 'side', 'main', 'trunk'], c.class) AS rank,
        round(CAST(c.angle - 180 * floor((c.angle + 90) / 180) AS numeric), 1)::float8 AS angle,
        ST_AsMVTGeom(c.middle, t.square, 4096, 0) AS geom
    FROM course AS c, tile AS t
    WHERE c.angle IS NOT NULL
    ORDER BY c.id
)
SELECT coalesce(ST_AsMVT(s, 'names', 4096, 'geom'), '') AS content FROM said AS s WHERE geom IS NOT NULL
