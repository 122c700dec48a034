-- Street officers filter by what is overdue; it ages by the clock alone.
CREATE OR REPLACE VIEW layer.incidents AS
SELECT i.id AS fid, i.no AS code, i.no, i.title, i.class_code AS class, c.name AS class_name, c.major_code AS major,
    i.severity, i.status, i.source, i.is_open, i.is_outside_grid, i.grid_code, g.name AS grid_name, i.address,
    i.reported_at, i.due_at, mask_name(w.full_name) AS worker,
    CASE WHEN app_reads_personal() THEN w.full_name END AS worker_full_name, i.geom,
    i.is_open AND i.due_at < now() IS TRUE AS is_overdue
FROM incident AS i
JOIN incident_class AS c ON c.code = i.class_code
JOIN grid AS g ON g.code = i.grid_code
LEFT JOIN assignment AS a ON a.incident_id = i.id AND a.ended_at IS NULL AND a.slot = 1
LEFT JOIN worker AS w ON w.id = a.worker_id;
