-- One incident with its class, its reporter, and the incidents that it hangs together with.
SELECT i.id, i.no, i.class_code, c.name AS class_name, c.major_name, i.severity, i.status,
    i.source, i.is_open, i.is_sensitive, i.is_outside_grid, i.is_supervised, c.needs_check, c.needs_photo,
    ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat, i.raw_x, i.raw_y, i.raw_crs, i.grid_code,
    i.reported_at, i.confirmed_at, i.accepted_at, i.dispatched_at, i.acknowledged_at, i.arrived_at, i.resolved_at,
    i.closed_at, i.stage_since, i.due_at, i.warn_at, i.very_late_at, i.settle_by, i.limit_amount, i.limit_clock,
    i.remaining_s, i.resume_by, i.extensions, i.suspensions, i.reworks, i.is_satisfied, i.is_exempt,
    i.department_code, d.name AS department_name, parent.no AS parent_no, original.no AS merged_into_no,
    ARRAY(SELECT part.no FROM incident AS part WHERE part.parent_id = i.id ORDER BY part.no) AS part_nos, i.version,
    CASE WHEN app_reads_personal() THEN i.title ELSE mask_numbers(i.title) END AS title,
    CASE WHEN app_reads_personal() THEN i.description ELSE mask_numbers(i.description) END AS description,
    CASE WHEN app_reads_personal() THEN i.address ELSE mask_numbers(i.address) END AS address,
    CASE WHEN app_reads_personal() THEN i.reporter_name ELSE mask_name(i.reporter_name) END AS reporter_name,
    CASE WHEN app_reads_personal() THEN i.reporter_phone ELSE mask_phone(i.reporter_phone) END AS reporter_phone
FROM incident AS i
JOIN incident_class AS c ON c.code = i.class_code
LEFT JOIN department AS d ON d.code = i.department_code
LEFT JOIN incident AS parent ON parent.id = i.parent_id
LEFT JOIN incident AS original ON original.id = i.merged_into
WHERE i.no = :no
