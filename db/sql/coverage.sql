-- Quarters where nobody is free though people are on duty or something waits, and of each the nearest who could move
-- there: free, posted elsewhere, and not the last free one of a quarter of their own. Metres are of the deployment's
-- metric SRID, to a point inside of the quarter. The KNN index answers: its own condition is named too.
WITH pool AS MATERIALIZED (
    SELECT pools FROM dispatch_policy ORDER BY id DESC LIMIT 1
), duty AS MATERIALIZED (
    SELECT g.id, count(*) AS on_duty, count(*) FILTER (WHERE r.load = 0) AS free
    FROM responder AS r
    CROSS JOIN LATERAL unnest(r.areas) AS a(id)
    JOIN grid AS g ON g.id = a.id AND g.level = 'quarter'
    WHERE r.on_duty AND r.pool = ANY ((SELECT pools FROM pool)::text[])
    GROUP BY g.id
), waits AS (
    SELECT CASE WHEN g.level = 'building' THEN g.parent_code ELSE g.code END AS code, count(*) AS waiting
    FROM incident AS i
    JOIN grid AS g ON g.code = i.grid_code AND g.level IN ('quarter', 'building')
    WHERE i.status IN ('reported', 'accepted', 'returned')
    GROUP BY 1
), gap AS MATERIALIZED (
    SELECT g.id, g.code, g.name, g.geom, coalesce(d.on_duty, 0) AS on_duty, coalesce(w.waiting, 0) AS waiting,
        ST_Transform(ST_PointOnSurface(g.geom), p.metric_srid) AS inside
    FROM grid AS g
    CROSS JOIN deployment AS p
    LEFT JOIN duty AS d ON d.id = g.id
    LEFT JOIN waits AS w ON w.code = g.code
    WHERE g.level = 'quarter' AND app_in_scope(g.code) AND coalesce(d.free, 0) = 0
        AND (d.on_duty > 0 OR w.waiting > 0)
), sole AS MATERIALIZED (
    SELECT coalesce(array_agg(id::int), '{}') AS ids FROM duty WHERE free = 1
)
SELECT g.code, g.name, g.on_duty, g.waiting, m.mover_code, m.mover_name, m.distance_m,
    ST_AsGeoJSON(ST_ForcePolygonCCW(ST_Transform(g.geom, 4326)), 7, 0) AS geometry
FROM gap AS g
LEFT JOIN LATERAL (
    SELECT k.code AS mover_code, mask_name(k.full_name) AS mover_name, r.point <-> g.inside AS distance_m
    FROM responder AS r
    JOIN worker AS k ON k.id = r.worker_id
    WHERE r.on_duty AND r.load < r.cap AND r.load = 0 AND r.pool = ANY ((SELECT pools FROM pool)::text[])
        AND NOT r.areas @> ARRAY[g.id::int] AND NOT r.areas && (SELECT ids FROM sole)
    ORDER BY r.point <-> g.inside, k.code
    LIMIT 1
) AS m ON true
ORDER BY g.waiting DESC, g.code
