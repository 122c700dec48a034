-- Incidents of the same minor class near a point (EPSG:4490), reported since an instant, nearest first.
WITH here AS (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4490) AS geom)
SELECT i.no, mask_numbers(i.title) AS title, i.class_code, c.name AS class_name, i.severity, i.status, i.grid_code, g.name AS grid_name,
    ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat, i.reported_at, i.due_at, i.is_outside_grid, i.is_supervised,
    mask_name(w.full_name) AS worker_name
FROM here
JOIN incident AS i ON ST_DWithin(i.geom::geography, here.geom::geography, :radius_m)
JOIN incident_class AS c ON c.code = i.class_code
JOIN grid AS g ON g.code = i.grid_code
LEFT JOIN assignment AS a ON a.incident_id = i.id AND a.ended_at IS NULL AND a.slot = 1
LEFT JOIN worker AS w ON w.id = a.worker_id
WHERE i.class_code = :class_code AND i.reported_at >= :since AND i.status <> 'merged'
ORDER BY ST_Distance(i.geom::geography, here.geom::geography), i.no
