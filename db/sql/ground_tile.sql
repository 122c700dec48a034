-- A tile of the ground: its layers one behind the other, as Mapbox Vector Tiles are put together. `:classes` are the
-- roads that the zoom shows; what measures less than `:least_deg` in both directions is left out, houses altogether
-- unless `:houses`. Larger areas lie below smaller ones.
WITH tile AS (
    SELECT ST_TileEnvelope(:z, :x, :y) AS square, CAST(:unit_m AS float8) AS unit_m,
        ST_Transform(ST_Expand(ST_TileEnvelope(:z, :x, :y), 64 * CAST(:unit_m AS float8)), 4490) AS here
), town AS (
    SELECT ST_AsMVTGeom(ST_Transform(d.boundary, 3857), t.square, 4096, 64) AS geom
    FROM deployment AS d, tile AS t
    WHERE d.boundary && t.here
), land AS (
    SELECT b.use, ST_AsMVTGeom(ST_Simplify(ST_Transform(b.geom, 3857), 4 * t.unit_m), t.square, 4096, 64) AS geom
    FROM base.block AS b, tile AS t
    WHERE b.geom && t.here
        AND greatest(ST_XMax(b.geom) - ST_XMin(b.geom), ST_YMax(b.geom) - ST_YMin(b.geom)) >= :least_deg
    ORDER BY (ST_XMax(b.geom) - ST_XMin(b.geom)) * (ST_YMax(b.geom) - ST_YMin(b.geom)) DESC, b.id
), lakes AS (
    SELECT w.name, ST_AsMVTGeom(ST_Simplify(ST_Transform(w.geom, 3857), 4 * t.unit_m), t.square, 4096, 64) AS geom
    FROM base.water AS w, tile AS t
    WHERE w.geom && t.here
        AND greatest(ST_XMax(w.geom) - ST_XMin(w.geom), ST_YMax(w.geom) - ST_YMin(w.geom)) >= :least_deg
    ORDER BY w.id
), footprints AS (
    SELECT f.id, f.geom FROM base.footprint AS f, tile AS t WHERE :houses AND f.geom && t.here
    UNION ALL
    SELECT b.id, b.geom FROM building AS b, tile AS t
    WHERE :houses AND b.geom && t.here AND NOT EXISTS (SELECT FROM base.footprint)
), houses AS (
    SELECT ST_AsMVTGeom(ST_Transform(f.geom, 3857), t.square, 4096, 64) AS geom
    FROM footprints AS f, tile AS t
    WHERE greatest(ST_XMax(f.geom) - ST_XMin(f.geom), ST_YMax(f.geom) - ST_YMin(f.geom)) >= :least_deg
    ORDER BY f.id
), ways AS (
    SELECT r.class, r.name, ST_AsMVTGeom(ST_Simplify(ST_Transform(r.geom, 3857), 4 * t.unit_m), t.square, 4096, 64) AS geom
    FROM base.road AS r, tile AS t
    WHERE r.geom && t.here AND r.class = ANY (CAST(:classes AS text[]))
    ORDER BY array_position(ARRAY['path', 'lane', 'side', 'main', 'trunk'], r.class), r.id
)
SELECT coalesce((SELECT ST_AsMVT(m, 'boundary', 4096, 'geom') FROM (SELECT * FROM town WHERE geom IS NOT NULL) AS m), '')
    || coalesce((SELECT ST_AsMVT(m, 'blocks', 4096, 'geom') FROM (SELECT * FROM land WHERE geom IS NOT NULL) AS m), '')
    || coalesce((SELECT ST_AsMVT(m, 'water', 4096, 'geom') FROM (SELECT * FROM lakes WHERE geom IS NOT NULL) AS m), '')
    || coalesce((SELECT ST_AsMVT(m, 'buildings', 4096, 'geom') FROM (SELECT * FROM houses WHERE geom IS NOT NULL) AS m), '')
    || coalesce((SELECT ST_AsMVT(m, 'roads', 4096, 'geom') FROM (SELECT * FROM ways WHERE geom IS NOT NULL) AS m), '')
    AS content
