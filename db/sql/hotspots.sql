-- Where incidents of one minor class came up again and again: density clusters per class, measured in the
-- deployment's metric SRID. Duplicates and reports that were no matter of ours don't count as a return.
WITH seen AS (
    SELECT i.id, i.no, i.class_code, i.grid_code, i.reported_at, i.is_open, ST_Transform(i.geom, d.metric_srid) AS point
    FROM incident AS i
    CROSS JOIN deployment AS d
    WHERE i.reported_at >= :since AND i.reported_at <= :until AND i.status NOT IN ('merged', 'rejected')
        AND (CAST(:grids AS text[]) IS NULL OR i.grid_code = ANY (CAST(:grids AS text[])))
), clustered AS (
    SELECT s.*, ST_ClusterDBSCAN(s.point, CAST(:radius_m AS float8), CAST(:at_least AS int))
        OVER (PARTITION BY s.class_code) AS cluster
    FROM seen AS s
), spot AS (
    SELECT class_code, count(*) AS count, count(*) FILTER (WHERE is_open) AS open_count,
        array_agg(no ORDER BY reported_at DESC, id DESC) AS numbers,
        min(reported_at) AS first_at, max(reported_at) AS last_at,
        mode() WITHIN GROUP (ORDER BY grid_code) AS grid_code,
        ST_Transform(ST_GeometricMedian(ST_Collect(point)), 4490) AS centre,
        (ST_MinimumBoundingRadius(ST_Collect(point))).radius AS reach_m
    FROM clustered
    WHERE cluster IS NOT NULL
    GROUP BY class_code, cluster
)
SELECT s.class_code, k.name AS class_name, k.major_name, ST_X(s.centre) AS lon, ST_Y(s.centre) AS lat, s.count,
    s.open_count, s.numbers, s.first_at, s.last_at, s.reach_m, s.grid_code, g.name AS grid_name
FROM spot AS s
JOIN incident_class AS k ON k.code = s.class_code
JOIN grid AS g ON g.code = s.grid_code
ORDER BY s.count DESC, s.last_at DESC, s.class_code, s.numbers
LIMIT :limit
