-- Open incidents by their next deadline; those without one (suspended) last.
SELECT i.no, mask_numbers(i.title) AS title, i.class_code, c.name AS class_name, i.severity, i.status, i.grid_code, g.name AS grid_name,
    ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat, i.reported_at, i.due_at, i.is_outside_grid, i.is_supervised,
    mask_name(w.full_name) AS worker_name
FROM incident AS i
JOIN incident_class AS c ON c.code = i.class_code
JOIN grid AS g ON g.code = i.grid_code
LEFT JOIN assignment AS a ON a.incident_id = i.id AND a.ended_at IS NULL AND a.slot = 1
LEFT JOIN worker AS w ON w.id = a.worker_id
WHERE i.is_open
    AND (CAST(:grids AS text[]) IS NULL OR i.grid_code = ANY (CAST(:grids AS text[])))
    AND (CAST(:statuses AS text[]) IS NULL OR i.status = ANY (CAST(:statuses AS text[])))
    AND (CAST(:severities AS int[]) IS NULL OR i.severity = ANY (CAST(:severities AS int[])))
    AND (CAST(:q AS text) IS NULL OR strpos(lower(concat_ws(' ', i.no, i.title, i.address, c.name, g.name)), lower(:q)) > 0)
ORDER BY i.due_at NULLS LAST, i.no
LIMIT :limit OFFSET :offset
