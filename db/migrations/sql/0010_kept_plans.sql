-- Every recommendation asks these two, and planning them takes five times as long as answering: as functions their plans
-- are kept by the connection, whoever pools it.

-- What an incident asks for: its place, its class's skills, and its grids, finest first.
CREATE FUNCTION dispatch_need(wanted text) RETURNS TABLE (
    id bigint, no text, class_code text, skills int[], lon float8, lat float8, codes text[], ids bigint[], srid int,
    declined bigint[], sent bigint[]
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE chain AS (
        SELECT g.id, g.code, g.parent_code, 0 AS height
        FROM incident AS i JOIN grid AS g ON g.code = i.grid_code
        WHERE i.no = wanted
        UNION ALL
        SELECT g.id, g.code, g.parent_code, c.height + 1 FROM chain AS c JOIN grid AS g ON g.code = c.parent_code
    )
    SELECT i.id, i.no, i.class_code, c.skills, ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat,
        ARRAY(SELECT code FROM chain ORDER BY height) AS codes, ARRAY(SELECT id FROM chain ORDER BY height) AS ids,
        d.metric_srid AS srid,
        ARRAY(
            SELECT DISTINCT a.worker_id FROM assignment AS a
            WHERE a.incident_id = i.id AND a.status IN ('refused', 'timed_out', 'handed_over')
                AND a.dispatched_at >= coalesce(i.accepted_at, i.reported_at)
            ORDER BY a.worker_id
        ) AS declined,
        ARRAY(SELECT a.worker_id FROM assignment AS a WHERE a.incident_id = i.id AND a.ended_at IS NULL) AS sent
    FROM incident AS i
    JOIN incident_class AS c ON c.code = i.class_code
    CROSS JOIN deployment AS d
    WHERE i.no = wanted;
END $$;

-- Responders by their ids as candidates, with everything that the rules and the desk ask of them; `at_most` is the
-- policy's cap, the distance that to the given place (EPSG:4490).
CREATE FUNCTION dispatch_candidates(workers bigint[], to_lon float8, to_lat float8, at_most int) RETURNS TABLE (
    worker_id bigint, code text, name text, post text, origin text, grid_code text, pool text, on_duty boolean,
    load smallint, cap int, skills int[], positioned_at timestamptz, idle_since timestamptz, finished_at timestamptz,
    lon float8, lat float8, x float8, y float8, distance_m float8, grid_chain text[]
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT w.id AS worker_id, w.code, mask_name(w.full_name) AS name, w.post, w.origin, w.grid_code, r.pool, r.on_duty,
        r.load, least(r.cap, at_most) AS cap, r.skills, r.positioned_at, r.idle_since, r.finished_at,
        ST_X(at.geom) AS lon, ST_Y(at.geom) AS lat, ST_X(r.point) AS x, ST_Y(r.point) AS y,
        ST_Distance(at.geom::geography, ST_SetSRID(ST_MakePoint(to_lon, to_lat), 4490)::geography) AS distance_m,
        ARRAY(
            SELECT g.code FROM grid AS g WHERE g.id = ANY (r.areas)
            ORDER BY array_position(ARRAY['building', 'quarter', 'community', 'street'], g.level)
        ) AS grid_chain
    FROM worker AS w
    JOIN responder AS r ON r.worker_id = w.id
    CROSS JOIN LATERAL (SELECT ST_Transform(r.point, 4490) AS geom) AS at
    WHERE w.id = ANY (workers);
END $$;
