-- People are reported by their numbers in free text too. As `governance.privacy` masks; a test holds the two equal.
CREATE FUNCTION mask_numbers(told text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE WHEN told ~ '[0-9]{4}' THEN
    regexp_replace(
        regexp_replace(
            regexp_replace(
                told,
                '(?<![0-9])[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx](?![0-9])',
                '****', 'g'),
            '(?<![0-9])0[0-9]{2,3}[ -]?[0-9]{7,8}(?![0-9])', '****', 'g'),
        '(?<![0-9])((?:86[ -]?)?1[3-9][0-9])[ -]?[0-9]{4}[ -]?([0-9]{4})(?![0-9])', '\1****\2', 'g')
ELSE told END $$;

CREATE OR REPLACE VIEW layer.incidents AS
SELECT i.id AS fid, i.no AS code, i.no, CASE WHEN app_reads_personal() THEN i.title ELSE mask_numbers(i.title) END AS title,
    i.class_code AS class, c.name AS class_name, c.major_code AS major, i.severity, i.status, i.source, i.is_open,
    i.is_outside_grid, i.grid_code, g.name AS grid_name,
    CASE WHEN app_reads_personal() THEN i.address ELSE mask_numbers(i.address) END AS address,
    i.reported_at, i.due_at, mask_name(w.full_name) AS worker,
    CASE WHEN app_reads_personal() THEN w.full_name END AS worker_full_name, i.geom,
    i.is_open AND i.due_at < now() IS TRUE AS is_overdue
FROM incident AS i
JOIN incident_class AS c ON c.code = i.class_code
JOIN grid AS g ON g.code = i.grid_code
LEFT JOIN assignment AS a ON a.incident_id = i.id AND a.ended_at IS NULL AND a.slot = 1
LEFT JOIN worker AS w ON w.id = a.worker_id;
