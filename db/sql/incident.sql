-- One incident with its class, its reporter and who is on the way.
SELECT i.id, i.no, i.title, i.description, i.class_code, c.name AS class_name, c.major_name, i.severity, i.status,
    i.source, i.is_open, i.is_sensitive, i.is_outside_grid, i.is_supervised, ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat,
    i.raw_x, i.raw_y, i.raw_crs, i.address, i.grid_code, i.reported_at, i.accepted_at, i.dispatched_at,
    i.acknowledged_at, i.arrived_at, i.resolved_at, i.closed_at, i.due_at, i.settle_by, i.version,
    CASE WHEN app_reads_personal() THEN i.reporter_name ELSE mask_name(i.reporter_name) END AS reporter_name,
    CASE WHEN app_reads_personal() THEN i.reporter_phone ELSE mask_phone(i.reporter_phone) END AS reporter_phone,
    a.id AS assignment_id, a.worker_id, w.code AS worker_code, mask_name(w.full_name) AS worker_name,
    CASE WHEN app_reads_personal() THEN w.full_name END AS worker_full_name,
    CASE WHEN app_reads_personal() THEN w.full_phone END AS worker_full_phone,
    a.status AS assignment_status, a.distance_m, a.dispatched_at AS sent_at, a.acknowledged_at AS worker_acknowledged_at,
    a.arrived_at AS worker_arrived_at, a.is_override, a.reason
FROM incident AS i
JOIN incident_class AS c ON c.code = i.class_code
LEFT JOIN assignment AS a ON a.incident_id = i.id AND a.ended_at IS NULL
LEFT JOIN worker AS w ON w.id = a.worker_id
WHERE i.no = :no
