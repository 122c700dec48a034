-- One view per layer: `fid`, the properties of `geo.features`, `geom` in EPSG:4490.

-- As `governance.privacy` masks; a test holds the two equal.
CREATE FUNCTION mask_name(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE
    WHEN name = '' THEN ''
    WHEN length(name) > 2 AND left(name, 2) IN (
        '欧阳', '上官', '司马', '司徒', '司空', '诸葛', '皇甫', '尉迟', '公孙', '长孙',
        '慕容', '令狐', '宇文', '夏侯', '轩辕', '端木', '呼延', '南宫', '西门', '东方',
        '独孤', '申屠', '澹台', '濮阳', '淳于', '赫连', '万俟', '闻人', '鲜于', '闾丘'
    ) THEN left(name, 2) || '*'
    ELSE left(name, 1) || '*'
END $$;
CREATE FUNCTION mask_phone(phone text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE
    WHEN phone IS NULL OR phone = '' THEN phone
    WHEN phone ~ '^1[0-9]{10}$' THEN left(phone, 3) || '****' || right(phone, 4)
    ELSE '****'
END $$;

CREATE VIEW layer.grids AS
SELECT id AS fid, code, name, code AS grid_code, level, parent_code, kind, domains,
    round(ST_Area(geom::geography)::numeric, 1)::float8 AS area_m2, geom
FROM grid;

CREATE VIEW layer.stations AS
SELECT id AS fid, code, name, grid_code, kind, address, opening_hours, geom FROM place WHERE category = 'station';
CREATE VIEW layer.venues AS
SELECT id AS fid, code, name, grid_code, kind, address, opening_hours, geom FROM place WHERE category = 'venue';
CREATE VIEW layer.centres AS
SELECT id AS fid, code, name, grid_code, kind, address, opening_hours, geom
FROM place WHERE category IN ('centre', 'canteen');

CREATE VIEW layer.devices AS
SELECT id AS fid, code, name, quarter_code AS grid_code, quarter_code, kind, status, status_at, geom FROM device;

CREATE VIEW layer.buildings AS
SELECT id AS fid, code, name, grid_code, usage, floors, geom FROM building;

CREATE VIEW layer.incidents AS
SELECT i.id AS fid, i.no AS code, i.no, i.title, i.class_code AS class, c.name AS class_name, c.major_code AS major,
    i.severity, i.status, i.source, i.is_open, i.is_outside_grid, i.grid_code, g.name AS grid_name, i.address,
    i.reported_at, i.due_at, mask_name(w.full_name) AS worker,
    CASE WHEN app_reads_personal() THEN w.full_name END AS worker_full_name, i.geom
FROM incident AS i
JOIN incident_class AS c ON c.code = i.class_code
JOIN grid AS g ON g.code = i.grid_code
LEFT JOIN assignment AS a ON a.incident_id = i.id AND a.ended_at IS NULL
LEFT JOIN worker AS w ON w.id = a.worker_id;

CREATE VIEW layer.workers AS
SELECT w.id AS fid, w.code, mask_name(w.full_name) AS name,
    CASE WHEN app_reads_personal() THEN w.full_name END AS full_name,
    mask_phone(w.full_phone) AS phone, CASE WHEN app_reads_personal() THEN w.full_phone END AS full_phone,
    w.employment, w.origin,
    CASE WHEN NOT r.on_duty THEN 'off_duty' WHEN r.load > 0 THEN 'busy' ELSE 'available' END AS availability,
    ARRAY(SELECT s.name FROM skill AS s WHERE s.id = ANY (r.skills) ORDER BY s.id) AS skills,
    r.load, r.cap,
    CASE
        WHEN r.positioned_at IS NULL THEN 'post'
        WHEN r.positioned_at < now() - make_interval(secs => p.freshness_s) THEN 'stale'
        ELSE 'fresh'
    END AS position_source,
    r.positioned_at, w.grid_code, g.name AS grid_name,
    coalesce(r.latest, ST_Transform(r.point, 4490)) AS geom
FROM responder AS r
JOIN worker AS w ON w.id = r.worker_id
JOIN grid AS g ON g.code = w.grid_code
CROSS JOIN (SELECT freshness_s FROM dispatch_policy ORDER BY id DESC LIMIT 1) AS p;

DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT viewname FROM pg_views WHERE schemaname = 'layer' LOOP
        EXECUTE format('ALTER VIEW layer.%I OWNER TO gridcommand_app', name);
    END LOOP;
END $$;
