-- Finished incidents that a search names: the one with this very number first, the others by report, latest first.
SELECT i.no, mask_numbers(i.title) AS title, i.class_code, c.name AS class_name, i.severity, i.status, i.grid_code, g.name AS grid_name,
    ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat, i.reported_at, i.due_at, i.is_outside_grid, i.is_supervised,
    CAST(NULL AS text) AS worker_name
FROM incident AS i
JOIN incident_class AS c ON c.code = i.class_code
JOIN grid AS g ON g.code = i.grid_code
WHERE NOT i.is_open
    AND (CAST(:grids AS text[]) IS NULL OR i.grid_code = ANY (CAST(:grids AS text[])))
    AND (CAST(:severities AS int[]) IS NULL OR i.severity = ANY (CAST(:severities AS int[])))
    AND strpos(lower(concat_ws(' ', i.no, i.title, i.address, c.name, g.name)), lower(:q)) > 0
ORDER BY lower(i.no) = lower(:q) DESC, i.reported_at DESC, i.no
LIMIT :limit
